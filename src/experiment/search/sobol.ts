/** Sobol' sequence, scrambled by a random matrix and a shift. */
import { stream } from '../../random.ts';

/** Binary digits of a coordinate. */
export const sobolBits = 30;

/**
 * Of each dimension from the second on: the inner coefficients of its primitive polynomial, as the digits of a number, and its
 * first direction numbers, as many as the polynomial's degree. The first dimension is the sequence of van der Corput.
 *
 * Reference: Joe & Kuo, Constructing Sobol sequences with better two-dimensional projections, 2008, their file
 * new-joe-kuo-6.21201. https://doi.org/10.1137/070709359
 */
const table: readonly (readonly [inner: number, first: readonly number[]])[] = [
  [0, [1]],
  [1, [1, 3]],
  [1, [1, 3, 1]],
  [2, [1, 1, 1]],
  [1, [1, 1, 3, 3]],
  [4, [1, 3, 5, 13]],
  [2, [1, 1, 5, 5, 17]],
  [4, [1, 1, 5, 5, 5]],
  [7, [1, 1, 7, 11, 19]],
  [11, [1, 1, 5, 1, 1]],
  [13, [1, 1, 1, 3, 11]],
  [14, [1, 3, 5, 5, 31]],
  [1, [1, 3, 3, 9, 7, 49]],
  [13, [1, 1, 1, 15, 21, 21]],
  [16, [1, 3, 1, 13, 27, 49]],
];

export const mostSobolDimensions = table.length + 1;

/** The direction numbers of one dimension (from 0), as `sobolBits` binary digits each, the most significant first. */
export function directionNumbers(dimension: number): number[] {
  const entry = dimension === 0 ? undefined : table[dimension - 1];
  if (!entry) return Array.from({ length: sobolBits }, (_, i) => 2 ** (sobolBits - 1 - i));
  const [inner, first] = entry;
  const degree = first.length;
  const m = [...first];
  for (let i = degree; i < sobolBits; i++) {
    let next = m[i - degree]! ^ (m[i - degree]! * 2 ** degree);
    for (let k = 1; k < degree; k++) if ((inner >> (degree - 1 - k)) & 1) next ^= m[i - k]! * 2 ** k;
    m.push(next);
  }
  return m.map((value, i) => value * 2 ** (sobolBits - 1 - i));
}

/** Random for one dimension: a row of 0 and 1 for each binary digit, of which those up to the diagonal count, and a shift. */
export interface Scramble {
  readonly rows: readonly ArrayLike<number>[];
  readonly shift: number;
}

/** Each digit of `v`, the most significant first, plus some of those before it, modulo 2. */
export function scrambled(v: number, { rows }: Pick<Scramble, 'rows'>): number {
  const digit = (k: number) => (v >> (sobolBits - 1 - k)) & 1;
  let out = 0;
  for (let p = 0; p < sobolBits; p++) {
    let sum = digit(p);
    for (let k = 0; k < p; k++) sum ^= rows[p]![k]! & digit(k);
    out |= sum << (sobolBits - 1 - p);
  }
  return out;
}

/** The first `count` points of one dimension, in the order of Gray's code. */
export function sobolDimension(count: number, dimension: number, scramble?: Scramble): number[] {
  const plain = directionNumbers(dimension);
  const v = scramble ? plain.map((number) => scrambled(number, scramble)) : plain;
  let x = scramble?.shift ?? 0;
  return Array.from({ length: count }, (_, i) => {
    if (i > 0) x ^= v[31 - Math.clz32(i & -i)]!; // the lowest digit of i that is 1: the only one of its Gray code that changes
    return x / 2 ** sobolBits;
  });
}

/**
 * The first `count` points in [0, 1)^dimensions; more points begin with the same ones, and so do more dimensions.
 *
 * Reference: Matoušek, On the L2-discrepancy for anchored boxes, 1998 (random linear scrambling). https://doi.org/10.1006/jcom.1998.0489
 */
export function sobolPoints(count: number, dimensions: number, seed: number): number[][] {
  const columns = Array.from({ length: dimensions }, (_, d) => {
    const draws = stream(seed, 'search', d);
    const rows = Array.from({ length: sobolBits }, (_, p) => Array.from({ length: p }, () => draws.below(2)));
    return sobolDimension(count, d, { rows, shift: draws.below(2 ** sobolBits) });
  });
  return Array.from({ length: count }, (_, i) => columns.map((column) => column[i]!));
}
