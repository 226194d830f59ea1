/** Where each value of a resolved experiment came from. */
import { placeName } from './source.ts';
import { find, type MapTree } from './tree.ts';

/** Dotted path of each leaf → `configs/x.yaml:3:5`, `--set a.b=1`, or `default`. */
export type Origin = ReadonlyMap<string, string>;

/** A value inside a map; lists are leaves. */
export type Leaf = readonly [path: readonly string[], value: unknown];

export const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const leaves = (value: Record<string, unknown>, path: readonly string[] = []): Leaf[] =>
  Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .flatMap(([key, inner]): Leaf[] =>
      isMap(inner) && Object.keys(inner).length > 0 ? leaves(inner, [...path, key]) : [[[...path, key], inner]],
    );

/**
 * A leaf that is not written itself has the origin of what stands in its place (`agc: true` for `agc.clip`); inside a
 * map that does not mention it, it is a default.
 */
export function originOf(experiment: Record<string, unknown>, tree: MapTree): Origin {
  return new Map(
    leaves(experiment).map(([path]) => {
      const { tree: written, exact } = find(tree, path);
      return [path.join('.'), exact || written.kind !== 'map' ? placeName(written.at) : 'default'];
    }),
  );
}
