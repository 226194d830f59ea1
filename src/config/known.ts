/** Which keys a config may have where, read from its JSON Schema. */
import type { Path } from './problem.ts';

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  /** Of a map whose keys are the user's. */
  readonly additionalProperties?: Node | boolean;
  readonly anyOf?: readonly Node[];
  readonly items?: Node;
  readonly const?: unknown;
}

/** The maps a node allows, whatever unions they are in. */
const mapsOf = (node: Node): readonly Node[] => [
  ...(node.properties || typeof node.additionalProperties === 'object' ? [node] : []),
  ...(node.anyOf ?? []).flatMap(mapsOf),
];

/** Those whose constants (a `name`) the value has; all when it has none of them. */
function matching(maps: readonly Node[], value: unknown): readonly Node[] {
  const given = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const fits = (map: Node) =>
    Object.entries(map.properties ?? {}).every(
      ([key, { const: wanted }]) => wanted === undefined || given[key] === wanted,
    );
  const fitting = maps.filter(fits);
  return fitting.length > 0 ? fitting : maps;
}

/** The keys of the map at `path`, given the config they are in. */
export function keysAt(schema: unknown, path: Path, value: unknown): string[] {
  const maps = matching(mapsOf(schema as Node), value);
  const [key, ...rest] = path;
  if (key === undefined) return [...new Set(maps.flatMap((map) => Object.keys(map.properties ?? {})))];
  const inner =
    typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[key] : undefined;
  const children = maps.flatMap(({ properties, additionalProperties: others }) => {
    return properties?.[key] ?? (typeof others === 'object' ? others : []);
  });
  return keysAt({ anyOf: children }, rest, inner);
}

/** The dotted paths of every key of this name. */
export function keysNamed(schema: unknown, name: string): string[] {
  const paths = new Set<string>();
  const search = (node: Node, path: readonly string[]) => {
    for (const map of mapsOf(node)) {
      for (const [key, child] of Object.entries(map.properties ?? {})) {
        if (key === name) paths.add([...path, key].join('.'));
        search(child, [...path, key]);
      }
    }
  };
  search(schema as Node, []);
  return [...paths];
}
