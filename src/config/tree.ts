/** A config whose every value remembers where it was written. */
import type { Path, Problem } from './problem.ts';
import type { Place } from './source.ts';

export interface Entry {
  readonly keyAt: Place;
  readonly value: Tree;
}

export interface MapTree {
  readonly kind: 'map';
  readonly at: Place;
  readonly entries: ReadonlyMap<string, Entry>;
  /** Stands for something written in full (a list, a word): replaces instead of merging. */
  readonly whole?: boolean;
}

export type Tree =
  | MapTree
  | { readonly kind: 'list'; readonly at: Place; readonly items: readonly Tree[] }
  | {
      readonly kind: 'scalar';
      readonly at: Place;
      readonly value: string | number | boolean | null;
      /** The references of a text to variables that are not set. */
      readonly unset?: readonly string[];
    }
  /** `!delete`: takes an inherited key away. */
  | { readonly kind: 'delete'; readonly at: Place };

/**
 * `over` on top of `base`: maps merge key by key, anything else is replaced, `!delete` removes what `base` has.
 * A `!delete` that removes nothing is a problem.
 */
export function merge(base: Tree | undefined, over: MapTree, problems: Problem[], path: Path = []): MapTree {
  const under = base?.kind === 'map' && !over.whole ? base : undefined;
  const entries = new Map(under?.entries);
  for (const [key, { keyAt, value }] of over.entries) {
    const inherited = entries.get(key);
    if (value.kind === 'delete') {
      const message = 'nothing to delete: no file this one extends sets it';
      if (!entries.delete(key)) problems.push({ at: value.at, path: [...path, key], message });
    } else if (value.kind === 'map') {
      const merged = merge(inherited?.value, value, problems, [...path, key]);
      entries.set(key, { keyAt: merged.at === value.at ? keyAt : (inherited?.keyAt ?? keyAt), value: merged });
    } else {
      entries.set(key, { keyAt, value });
    }
  }
  const at = under && over.at.source.kind === 'flag' ? under.at : over.at; // a flag changes one key of a map, not the map
  return { kind: 'map', at, entries, whole: over.whole ?? under?.whole ?? false };
}

/** The value without its places. */
export function plain(tree: Tree): unknown {
  if (tree.kind === 'list') return tree.items.map(plain);
  if (tree.kind === 'scalar') return tree.value;
  if (tree.kind === 'delete') return undefined;
  return Object.fromEntries([...tree.entries].map(([key, { value }]) => [key, plain(value)]));
}

/** The references to variables that are not set, of all values that are left after merging. */
export function unsetReferences(tree: Tree, path: Path = []): Problem[] {
  if (tree.kind === 'map')
    return [...tree.entries].flatMap(([key, { value }]) => unsetReferences(value, [...path, key]));
  if (tree.kind === 'list') return tree.items.flatMap((item, i) => unsetReferences(item, [...path, i]));
  return tree.kind === 'scalar' ? (tree.unset ?? []).map((message) => ({ at: tree.at, path, message })) : [];
}

export interface Found {
  /** What the path leads to, or the last thing on the way when it leads nowhere. */
  readonly tree: Tree;
  /** The key that holds it; absent for the root and for list items. */
  readonly keyAt?: Place;
  /** Whether the whole path exists. */
  readonly exact: boolean;
}

/** Follows a path as far as it goes. */
export function find(tree: Tree, path: Path): Found {
  let found: Omit<Found, 'exact'> = { tree };
  for (const key of path) {
    const here = found.tree;
    if (here.kind === 'map' && here.entries.has(String(key))) {
      const { keyAt, value } = here.entries.get(String(key))!;
      found = { tree: value, keyAt };
    } else if (here.kind === 'list' && typeof key === 'number' && here.items[key]) {
      found = { tree: here.items[key] };
    } else {
      return { ...found, exact: false };
    }
  }
  return { ...found, exact: true };
}

/** A map with one key a level, ending in `value`: what `a.b.c: value` means. */
export function nest(path: readonly string[], value: Tree): Tree {
  return path.reduceRight<Tree>(
    (inner, key) => ({ kind: 'map', at: value.at, entries: new Map([[key, { keyAt: value.at, value: inner }]]) }),
    value,
  );
}
