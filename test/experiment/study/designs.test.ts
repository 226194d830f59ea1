import { describe, expect, test } from 'vitest';
import {
  aliases,
  fractionalFactorial,
  generators,
  plackettBurman,
  type Signs,
} from '../../../src/experiment/study/designs.ts';
import { studyTable } from '../../../src/experiment/table/table.ts';
import { studyOf } from '../sampleStudy.ts';

const product = (signs: Signs, a: number, b: number) => signs.reduce((sum, row) => sum + row[a]! * row[b]!, 0);
const pairsOf = (n: number) =>
  Array.from({ length: n }, (_, a) => Array.from({ length: a }, (_, b) => [a, b] as const)).flat();

describe('Plackett–Burman in 12 runs', () => {
  const signs = plackettBurman(11);

  test('the first row is that of the 1946 paper, the last has everything off', () => {
    expect(signs[0]!.map((sign) => (sign === 1 ? '+' : '-')).join('')).toBe('++-+++---+-');
    expect(signs[11]).toEqual(Array(11).fill(-1));
  });

  test('is balanced and orthogonal', () => {
    expect(signs).toHaveLength(12);
    for (let factor = 0; factor < 11; factor++) expect(signs.reduce((sum, row) => sum + row[factor]!, 0)).toBe(0);
    for (const [a, b] of pairsOf(11)) expect(product(signs, a, b)).toBe(0);
  });

  test('each main effect holds a third of each of the 45 interactions of two others', () => {
    for (const mixed of aliases(signs)) {
      expect(mixed).toHaveLength(45);
      expect(new Set(mixed.map(({ share }) => Math.abs(share).toFixed(6)))).toEqual(new Set(['0.333333']));
    }
  });

  test('no more than 11 factors', () => expect(() => plackettBurman(12)).toThrow(RangeError));
});

describe('fractional factorials', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])('%i factors: balanced, orthogonal, everything on in one run', (n) => {
    const signs = fractionalFactorial(n);
    expect(signs).toHaveLength(n <= 4 ? 2 ** n : n <= 8 ? 16 : 32);
    for (let factor = 0; factor < n; factor++) expect(signs.reduce((sum, row) => sum + row[factor]!, 0)).toBe(0);
    for (const [a, b] of pairsOf(n)) expect(product(signs, a, b)).toBe(0);
    expect(new Set(signs.map((row) => row.join(' '))).size).toBe(signs.length);
    expect(signs.at(-1)).toEqual(Array(n).fill(1));
  });

  // resolutions and words of each length in Box, Hunter & Hunter, table 6.22, and Wu & Hamada, table 5A.2
  test.each([
    [5, 5, 1],
    [6, 4, 3],
    [7, 4, 7],
    [8, 4, 14],
    [9, 4, 6],
    [10, 4, 10],
  ])(
    '%i factors: the shortest words of the defining relation have %i letters, and there are %i',
    (n, resolution, count) => {
      const words = generators[n]!.map((word) => new Set(word.replace('=', '')));
      const relation = Array.from({ length: 2 ** words.length - 1 }, (_, mask) => {
        const letters = new Map<string, number>();
        words.forEach((word, i) => {
          if (((mask + 1) >> i) & 1) for (const letter of word) letters.set(letter, (letters.get(letter) ?? 0) + 1);
        });
        return [...letters.values()].filter((times) => times % 2 === 1).length;
      });
      expect(Math.min(...relation)).toBe(resolution);
      expect(relation.filter((length) => length === resolution)).toHaveLength(count);
    },
  );

  test('from five factors on no main effect is mixed with an interaction of two', () => {
    for (const n of [5, 6, 7, 8, 9, 10]) expect(aliases(fractionalFactorial(n)).flat()).toEqual([]);
  });
});

describe('screening effects', () => {
  // top-1 = 0.8 + 0.02·[pnm on] − 0.01·[agc on] + an offset that is the seed's alone: the design gives the effects back exactly
  const design = (name: 'plackett-burman' | 'factorial') => {
    const choice = { design: name, controls: [] };
    const { plan } = studyOf({ ranger21: [0, 0, 0] }, { choice });
    const offsets = [0, 0.01, -0.02];
    const values = Object.fromEntries(
      plan.arms
        .filter(({ kind }) => kind === 'screen')
        .map(({ name, components }) => [
          name,
          offsets.map(
            (o) => 0.8 + o + (components.includes('pnm') ? 0.02 : 0) - (components.includes('agc') ? 0.01 : 0),
          ),
        ]),
    );
    const { plan: full, entries } = studyOf(values, { choice });
    return studyTable(full, entries).screening;
  };

  test.each(['plackett-burman', 'factorial'] as const)('%s', (name) => {
    const effects = new Map(design(name).map((effect) => [effect.component, effect]));
    expect(effects.size).toBe(10);
    expect(effects.get('pnm')!.effects).toEqual([0, 0, 0].map((): unknown => expect.closeTo(0.02, 12)));
    expect(effects.get('agc')!.mean).toBeCloseTo(-0.01, 12);
    expect(effects.get('swd')!.mean).toBeCloseTo(0, 12);
    expect(effects.get('pnm')!.aliases).toHaveLength(name === 'factorial' ? 0 : 36);
    expect(effects.get('pnm')!.verdict.text).toBe('inconclusive (all differences are equal: no spread to judge by)');
  });

  test('are null until a seed is complete', () => {
    const { plan, entries } = studyOf({ pb01: [0.9] }, { choice: { design: 'plackett-burman' } });
    expect(studyTable(plan, entries).screening[0]).toMatchObject({
      seeds: [],
      mean: null,
      verdict: { text: 'inconclusive (no complete seed)' },
    });
  });
});
