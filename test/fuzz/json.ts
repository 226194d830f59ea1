/** Damage to JSON: values of the wrong kind, names that mean something, and structure without end. */
import fc from 'fast-check';

/** Text that is not what it seems: paths out, names every object has, controls, other alphabets, great length. */
export const hostileText: readonly string[] = [
  '',
  ' ',
  '.',
  '..',
  '../../x',
  '..\\..\\x',
  '/etc/passwd',
  'C:\\x',
  'a/b',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'NaN',
  'Infinity',
  '-Infinity',
  'null',
  'a\0b',
  '\u001b[2J',
  '\u009b2J',
  '\ud800',
  '\u202e',
  '${env:HOME}',
  'x'.repeat(5_000),
];

const hostileNumbers = [0, -0, -1, 0.5, 1e308, -1e308, 5e-324, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 53 + 2, 1e21, 1e400];

export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(...hostileText),
  fc.constantFrom<unknown>(...hostileNumbers),
  fc.constantFrom<unknown>(null, true, false, [], {}, [null], [[]], [{}], { '': null }, { length: 1e9 }),
  fc.jsonValue({ maxDepth: 3 }),
);

/** One place of a JSON value. */
type Path = readonly (string | number)[];

function places(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [
    path,
    ...Object.entries(value).flatMap(([key, inner]) =>
      places(inner, [...path, Array.isArray(value) ? Number(key) : key]),
    ),
  ];
}

/** The text of `value` with the text at `path` replaced; undefined leaves the entry out. */
function written(value: unknown, path: Path, text: (old: unknown) => string | undefined): string | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return text(value);
  const entries = Object.entries(value as object).flatMap(([name, inner]) => {
    const now = name === String(key) ? written(inner, rest, text) : JSON.stringify(inner);
    if (now === undefined) return [];
    return [Array.isArray(value) ? now : `${JSON.stringify(name)}:${now}`];
  });
  return Array.isArray(value) ? `[${entries.join()}]` : `{${entries.join()}}`;
}

/** What `JSON.stringify` cannot write: 1e400 as a number, a key twice, `__proto__` as a key of its own. */
const json = (value: unknown): string => (value === Infinity ? '1e400' : JSON.stringify(value));

/** The JSON text of `sound` with one to three values replaced, removed, or joined by keys that it should not have. */
export function damagedJson(sound: unknown): fc.Arbitrary<string> {
  const all = places(sound);
  const change = fc.oneof(
    { weight: 4, arbitrary: hostileValue.map((value) => () => json(value)) },
    { weight: 2, arbitrary: fc.constant(() => undefined) },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constantFrom(...hostileText), hostileValue).map(
        ([key, value]) =>
          (old: unknown) =>
            typeof old === 'object' && old !== null && !Array.isArray(old)
              ? `{${JSON.stringify(key)}:${json(value)}${Object.keys(old).length > 0 ? ',' : ''}${JSON.stringify(old).slice(1)}`
              : json(value),
      ),
    },
    { weight: 1, arbitrary: fc.constant((old: unknown) => `[${json(old)},${json(old)}]`) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(2_000, 100_000).map((depth) => () => '['.repeat(depth) + ']'.repeat(depth)),
    },
  );
  const edit = fc.tuple(fc.constantFrom(...all), change);
  return fc
    .array(edit, { minLength: 1, maxLength: 3 })
    .map(
      (edits) =>
        edits.reduce<{ value: unknown; text: string }>(
          ({ value, text }, [path, how]) => {
            const next = exists(value, path) ? written(value, path, how) : text;
            return { value: parsed(next ?? 'null', value), text: next ?? 'null' };
          },
          { value: sound, text: JSON.stringify(sound) },
        ).text,
    )
    .filter((text) => text !== JSON.stringify(sound));
}

const exists = (value: unknown, path: Path): boolean =>
  path.length === 0 ||
  (typeof value === 'object' &&
    value !== null &&
    Object.hasOwn(value, path[0]!) &&
    exists((value as never)[path[0]!], path.slice(1)));

/** The next edit needs a value; a text too deep for one is left as it is. */
function parsed(text: string, otherwise: unknown): unknown {
  return text.length > 50_000 ? otherwise : (JSON.parse(text) as unknown);
}
