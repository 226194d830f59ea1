/** Whether a parsed JSON file is what its type claims. Without a schema library, so that `ls` and `table` start at once. */

/**
 * `number` includes NaN and ±Infinity, `count` is a whole number from 0, `numbers` a map of numbers, `hash` a SHA-256 in
 * hex, `folder` a name that is one folder and no way out of it. A list of one shape is a list of any length; `[null, x]` is
 * x or null; a map has at least these keys, of which those that end in `?` may be missing; of a set, one.
 */
export type Shape =
  | 'text'
  | 'number'
  | 'count'
  | 'boolean'
  | 'map'
  | 'numbers'
  | 'hash'
  | 'folder'
  | ReadonlySet<unknown>
  | readonly [Shape]
  | readonly [null, Shape]
  | { readonly [key: string]: Shape };

/** The first thing that differs, as `runs[3].seed is "x", expected count`; undefined where all is as it should be. */
export function mismatch(value: unknown, shape: Shape, path = ''): string | undefined {
  if (typeof shape === 'string') return fits[shape](value) ? undefined : told(value, shape, path);
  if (shape instanceof Set) return shape.has(value) ? undefined : told(value, [...shape].join(' or '), path);
  if (isList(shape)) {
    const [item, nullable] = shape;
    if (item === null) return value === null ? undefined : mismatch(value, nullable, path);
    if (!Array.isArray(value)) return told(value, 'a list', path);
    return first(value, (inner, i) => mismatch(inner, item, `${path}[${i}]`));
  }
  if (!isMap(value)) return told(value, 'a map', path);
  return first(Object.entries(shape), ([key, inner]: [string, Shape]) => {
    const name = key.replace(/\?$/, '');
    const given = Object.hasOwn(value, name) ? value[name] : undefined;
    if (given === undefined && name !== key) return undefined;
    return mismatch(given, inner, path === '' ? name : `${path}.${name}`);
  });
}

function first<T>(items: readonly T[], find: (item: T, i: number) => string | undefined): string | undefined {
  for (const [i, item] of items.entries()) {
    const found = find(item, i);
    if (found !== undefined) return found;
  }
  return undefined;
}

const isList = (shape: Shape): shape is readonly [Shape] | readonly [null, Shape] => Array.isArray(shape);
const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;

const fits: Readonly<Record<Extract<Shape, string>, (value: unknown) => boolean>> = {
  text: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  count: isCount,
  boolean: (value) => typeof value === 'boolean',
  map: isMap,
  numbers: (value) => isMap(value) && Object.values(value).every((x) => typeof x === 'number'),
  hash: (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value),
  folder: (value) => typeof value === 'string' && /^(?!\.\.?$)[^/\\\p{C}]{1,200}$/u.test(value),
};

const told = (value: unknown, expected: string, path: string): string =>
  `${path || 'it'} is ${value === undefined ? 'missing' : shown(value)}, expected ${expected}`;

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value !== 'object' || value === null) return String(value);
  return Array.isArray(value) ? 'a list' : 'a map';
}
