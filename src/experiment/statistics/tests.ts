/** Tests of paired differences and their correction. */
import type { Stream } from '../../random.ts';
import { mean, sampleSd, varies } from './describe.ts';
import { studentTCdf } from './distributions.ts';

/** From this many differences on, signs are drawn instead of enumerated. */
export const ENUMERATED = 14;
const DRAWS = 20_000;

/**
 * Two-sided sign-flip permutation test of paired differences: the share of sign assignments ±d₁ … ±dₙ whose sum is at
 * least as far from 0 as the one observed. Exact up to 14 differences (2ⁿ assignments); beyond, from 20,000 drawn ones,
 * (1 + hits) / (1 + draws).
 *
 * Its null hypothesis is that each difference is symmetric around 0, as it is where two arms do the same.
 *
 * Reference: Fisher, The Design of Experiments, 1935, §21; Phipson & Smyth, Permutation P-values Should Never Be Zero,
 * 2010. https://arxiv.org/abs/1603.05766
 */
export function signFlipTest(differences: readonly number[], draws: Stream): number {
  const n = differences.length;
  const observed = Math.abs(differences.reduce((sum, d) => sum + d, 0));
  const enough = observed - 1e-9 * differences.reduce((sum, d) => sum + Math.abs(d), 0); // sums that tie but for rounding
  return n <= ENUMERATED ? enumerated(differences, enough) : drawn(differences, enough, draws);
}

/** In Gray-code order, one sign changes at a time; the sum's own sign does not matter, so the last difference keeps its. */
function enumerated(differences: readonly number[], enough: number): number {
  const signed = [...differences];
  let sum = signed.reduce((total, d) => total + d, 0);
  const assignments = 2 ** (signed.length - 1);
  let hits = 0;
  for (let code = 1; code <= assignments; code++) {
    if (Math.abs(sum) >= enough) hits++;
    const flipped = 31 - Math.clz32(code & -code);
    if (code === assignments) break;
    sum -= 2 * signed[flipped]!;
    signed[flipped] = -signed[flipped]!;
  }
  return hits / assignments;
}

function drawn(differences: readonly number[], enough: number, draws: Stream): number {
  let hits = 0;
  for (let draw = 0; draw < DRAWS; draw++) {
    let [sum, signs] = [0, 0];
    differences.forEach((d, i) => {
      if (i % 32 === 0) signs = draws.bits();
      sum += (signs >>> (i % 32)) & 1 ? d : -d;
    });
    if (Math.abs(sum) >= enough) hits++;
  }
  return (1 + hits) / (1 + DRAWS);
}

/** The smallest p that `signFlipTest` can give for n differences: 2/2ⁿ where it enumerates. */
export const smallestSignFlipP = (n: number): number => (n <= ENUMERATED ? 2 / 2 ** n : 1 / (1 + DRAWS));

/**
 * Holm's step-down adjustment: with p₍₁₎ ≤ … ≤ p₍ₘ₎, the i-th is max over j ≤ i of (m − j + 1) p₍ⱼ₎, at most 1. Rejecting
 * what is at most α keeps the probability of any false rejection at most α.
 *
 * Reference: Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979. https://www.jstor.org/stable/4615733
 */
export function holm(ps: readonly number[]): number[] {
  const order = ps.map((_, i) => i).sort((a, b) => ps[a]! - ps[b]!);
  const adjusted = new Array<number>(ps.length);
  let highest = 0;
  order.forEach((index, rank) => {
    highest = Math.max(highest, Math.min(1, (ps.length - rank) * ps[index]!));
    adjusted[index] = highest;
  });
  return adjusted;
}

/**
 * Two one-sided t tests: p of the hypothesis that the mean lies at or beyond ±δ. At most α says |mean| < δ. Null where
 * the differences do not vary.
 *
 * Reference: Schuirmann, A comparison of the two one-sided tests procedure and the power approach for assessing the
 * equivalence of average bioavailability, 1987. https://doi.org/10.1007/BF01068419
 */
export function equivalenceTest(differences: readonly number[], delta: number): number | null {
  if (differences.length < 2 || !varies(differences)) return null;
  const n = differences.length;
  const error = sampleSd(differences) / Math.sqrt(n);
  const above = studentTCdf(-(mean(differences) + delta) / error, n - 1);
  const below = studentTCdf((mean(differences) - delta) / error, n - 1);
  return Math.max(above, below);
}

/** One-sided t test: p of the hypothesis that the mean is at most `target`. At most α says it is above. */
export function exceedsTest(xs: readonly number[], target: number): number | null {
  if (xs.length < 2 || !varies(xs)) return null;
  return studentTCdf(-(mean(xs) - target) / (sampleSd(xs) / Math.sqrt(xs.length)), xs.length - 1);
}

/**
 * McNemar's exact test: of the pairs where just one side failed, `a` and `b` on either side, p of a split at least as
 * uneven when both are equally likely; 1 where there is no such pair.
 *
 * Reference: McNemar, Note on the sampling error of the difference between correlated proportions or percentages, 1947.
 * https://doi.org/10.1007/BF02295996
 */
export function mcnemarExact(a: number, b: number): number {
  const n = a + b;
  let [term, sum] = [2 ** -n, 0];
  for (let i = 0; i <= Math.min(a, b); i++) {
    sum += term;
    term *= (n - i) / (i + 1);
  }
  return Math.min(1, 2 * sum);
}
