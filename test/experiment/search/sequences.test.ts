/** Quasi-random points against SciPy's (test/fixtures/quasirandom.py), and what makes them better than random ones. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { haltonPoints, primes, radicalInverse } from '../../../src/experiment/search/halton.ts';
import { mostSobolDimensions, sobolDimension, sobolPoints } from '../../../src/experiment/search/sobol.ts';

const scipy = JSON.parse(readFileSync(new URL('../../fixtures/quasirandom.json', import.meta.url), 'utf8')) as {
  plainHalton: number[][];
  scrambledHalton: { base: number; permutations: number[][]; values: number[] }[];
  plainSobol: number[][];
  scrambledSobol: { shift: number[]; matrices: number[][][]; points: number[][] };
};

const close = (ours: readonly number[], theirs: readonly number[]) => {
  expect(ours).toHaveLength(theirs.length);
  ours.forEach((x, i) => expect(Math.abs(x - theirs[i]!), `point ${i}`).toBeLessThan(1e-15));
};

describe('Halton', () => {
  test('without permutations is SciPy’s in twelve dimensions', () => {
    const bases = primes(12);
    expect(bases).toEqual([2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37]);
    bases.forEach((base, d) =>
      close(
        scipy.plainHalton.map((_, i) => radicalInverse(i, base)),
        scipy.plainHalton.map((point) => point[d]!),
      ),
    );
  });

  test.each(scipy.scrambledHalton)(
    'with SciPy’s permutations is SciPy’s in base $base',
    ({ base, permutations, values }) => {
      close(
        values.map((_, i) => radicalInverse(i, base, permutations)),
        values,
      );
    },
  );
});

describe('Sobol’', () => {
  test('without scrambling is SciPy’s, to the bit, in every dimension', () => {
    expect(mostSobolDimensions).toBe(16);
    for (let d = 0; d < 16; d++) {
      expect(sobolDimension(64, d), `dimension ${d}`).toEqual(scipy.plainSobol.map((point) => point[d]));
    }
  });

  test('with SciPy’s matrices and shift is SciPy’s, to the bit', () => {
    const { shift, matrices, points } = scipy.scrambledSobol;
    matrices.forEach((rows, d) => {
      expect(sobolDimension(64, d, { rows, shift: shift[d]! })).toEqual(points.map((point) => point[d]));
    });
  });
});

describe.each([
  ['halton', haltonPoints],
  ['sobol', sobolPoints],
] as const)('%s points', (name, points) => {
  test('begin with those of a smaller budget or space, and change with the seed', () => {
    expect(points(40, 5, 3).slice(0, 16)).toEqual(points(16, 5, 3));
    expect(points(16, 5, 3).map((point) => point.slice(0, 2))).toEqual(points(16, 2, 3));
    expect(points(16, 2, 4)).not.toEqual(points(16, 2, 3));
  });

  test('put one into each of as many equal parts of an axis, whatever the seed', () => {
    const bases = name === 'sobol' ? [2, 2, 2, 2] : [2, 3, 5, 7];
    for (let seed = 0; seed < 20; seed++) {
      bases.forEach((base, d) => {
        const parts = base ** (name === 'sobol' ? 4 : 2);
        const cells = points(parts, 4, seed).map((point) => Math.floor(point[d]! * parts));
        expect(
          cells.sort((a, b) => a - b),
          `seed ${seed}, axis ${d}`,
        ).toEqual(Array.from({ length: parts }, (_, i) => i));
      });
    }
  });

  test('lie in the half-open unit cube', () => {
    const all = points(300, 7, 1).flat();
    expect(Math.min(...all)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...all)).toBeLessThan(1);
  });
});
