/** Halton's sequence, with its digits permuted at random. */
import { permutation, stream } from '../../random.ts';

/** One permutation of 0 … base − 1 for each digit, the most significant first. */
export type DigitPermutations = readonly ArrayLike<number>[];

/** Digits that a double holds: base^−digits is below 2^−53. */
export const haltonDigits = (base: number): number => Math.ceil(54 / Math.log2(base)) - 1;

/**
 * Radical inverse of `index` in `base`: its digits behind the point in reverse.
 *
 *     φ_b(Σ d_j b^j) = Σ π_j(d_j) b^(−j−1)
 *
 * π_j is the identity without `permutations`; with them every digit counts, leading zeros too.
 *
 * Reference: Halton, On the efficiency of certain quasi-random sequences of points, 1960. https://doi.org/10.1007/BF01386213
 */
export function radicalInverse(index: number, base: number, permutations?: DigitPermutations): number {
  const digits = permutations?.length ?? haltonDigits(base);
  let [rest, weight, sum] = [index, 1, 0];
  for (let j = 0; j < digits; j++) {
    weight /= base;
    const digit = rest % base;
    sum += (permutations ? permutations[j]![digit]! : digit) * weight;
    rest = Math.floor(rest / base);
  }
  return sum;
}

/** The first primes: one base for each dimension. */
export function primes(count: number): number[] {
  const found: number[] = [];
  for (let n = 2; found.length < count; n++) if (found.every((prime) => n % prime !== 0)) found.push(n);
  return found;
}

/**
 * The first `count` points in [0, 1)^dimensions; more points begin with the same ones, and so do more dimensions.
 *
 * Reference: Owen, A randomized Halton algorithm in R, 2017. https://arxiv.org/abs/1706.02808
 */
export function haltonPoints(count: number, dimensions: number, seed: number): number[][] {
  const bases = primes(dimensions);
  const permuted = bases.map((base, d) =>
    Array.from({ length: haltonDigits(base) }, (_, j) => permutation(base, stream(seed, 'search', d, j))),
  );
  return Array.from({ length: count }, (_, i) => bases.map((base, d) => radicalInverse(i, base, permuted[d])));
}
