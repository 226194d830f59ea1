import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Problem } from '../../src/config/problem.ts';
import { merge, plain, type MapTree } from '../../src/config/tree.ts';
import { parseYaml } from '../../src/config/yaml.ts';

const tree = (text: string) => parseYaml({ name: 'x.yaml', kind: 'file', text }, {}).tree as MapTree;
const treeOf = (value: object) => tree(JSON.stringify(value));

function merged(...texts: string[]) {
  const problems: Problem[] = [];
  const result = texts.reduce<MapTree | undefined>((base, text) => merge(base, tree(text), problems), undefined);
  return { value: plain(result!), problems: problems.map(({ path, message }) => `${path.join('.')}: ${message}`) };
}

describe('merge', () => {
  test('maps merge, lists and values replace', () => {
    expect(merged('{ a: { x: 1, y: [1, 2] }, b: 1 }', '{ a: { y: [3] }, b: { c: 2 } }').value).toEqual({
      a: { x: 1, y: [3] },
      b: { c: 2 },
    });
  });

  test('!delete removes what was inherited', () => {
    expect(merged('{ a: { x: 1, y: 2 }, b: 1 }', 'a: { x: !delete }\nb: !delete')).toEqual({
      value: { a: { y: 2 } },
      problems: [],
    });
  });

  test('!delete of nothing is a mistake', () => {
    const nothing = 'nothing to delete: no file this one extends sets it';
    expect(merged('{ a: { x: 1 } }', 'a: { z: !delete }\nnew: { w: !delete }').problems).toEqual([
      `a.z: ${nothing}`,
      `new.w: ${nothing}`,
    ]);
  });

  const value = fc.letrec<{ map: object; any: unknown }>((tie) => ({
    map: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), tie('any'), { maxKeys: 4, noNullPrototype: true }),
    any: fc.oneof(
      { maxDepth: 3 },
      fc.integer(),
      fc.constantFrom('x', 'y'),
      fc.array(fc.integer(), { maxLength: 2 }),
      tie('map'),
    ),
  })).map;
  const on = (...values: object[]) => plain(values.map(treeOf).reduce((base, over) => merge(base, over, [])));

  test('with itself or with nothing changes nothing', () => {
    fc.assert(
      fc.property(value, (x) => {
        expect(on(x, x)).toEqual(x);
        expect(on(x, {})).toEqual(x);
        expect(on({}, x)).toEqual(x);
      }),
    );
  });

  test('equals the textbook recursion', () => {
    const isMap = (x: unknown): x is Record<string, unknown> =>
      typeof x === 'object' && x !== null && !Array.isArray(x);
    const textbook = (x: unknown, y: unknown): unknown =>
      isMap(x) && isMap(y)
        ? Object.fromEntries(
            [...new Set([...Object.keys(x), ...Object.keys(y)])].map((k) => [k, k in y ? textbook(x[k], y[k]) : x[k]]),
          )
        : y;
    fc.assert(
      fc.property(value, value, value, (x, y, z) => {
        expect(on(x, y, z)).toEqual(textbook(textbook(x, y), z));
      }),
    );
  });
});
