/** What a number of seeds can show. */
import { stream } from '../../random.ts';
import { noncentralTCdf, solve, studentTQuantile } from './distributions.ts';
import { ENUMERATED, smallestSignFlipP } from './tests.ts';

/**
 * Probability that a two-sided t test of n normal differences with mean/sd = `effect` rejects at α:
 * P(|T| > t(1 − α/2; n − 1)) for T noncentral with λ = effect · √n.
 */
export function powerOfT(effect: number, n: number, alpha = 0.05): number {
  const critical = studentTQuantile(1 - alpha / 2, n - 1);
  const lambda = effect * Math.sqrt(n);
  return 1 - noncentralTCdf(critical, n - 1, lambda) + noncentralTCdf(-critical, n - 1, lambda);
}

/**
 * The mean difference, in standard deviations of the differences, that a two-sided t test at α finds with this power. Infinite
 * below two seeds.
 */
export function detectableByT(n: number, alpha = 0.05, power = 0.8): number {
  return n < 2 ? Infinity : solve((x) => power - powerOfT(x, n, alpha));
}

/**
 * Minimum detectable effect: the mean difference, in standard deviations of the differences, that the sign-flip test finds at α
 * with this power where the differences are normal. Null where n differences cannot reach α, whatever they are.
 *
 * Where signs are enumerated it is the effect at which this share of simulated samples is significant; the levels that p can
 * take lie so far apart that a t test needs up to a fifth less. Where signs are drawn, that of the t test, which is the same
 * within 1 %.
 */
export function detectableEffect(n: number, alpha = 0.05, power = 0.8): number | null {
  if (smallestSignFlipP(n) > alpha) return null;
  const key = `${n} ${alpha} ${power}`;
  const effect = known.get(key) ?? (n > ENUMERATED ? detectableByT(n, alpha, power) : simulatedEffect(n, alpha, power));
  known.set(key, effect);
  return effect;
}

/** Every row of a table asks for the same few. */
const known = new Map<string, number>();

/** An effect off by 1 %, as far as chance goes. */
const SAMPLES = 4000;

function simulatedEffect(n: number, alpha: number, power: number): number {
  const draws = stream(0, 'statistics', 6, n);
  const samples = Array.from({ length: SAMPLES }, () => Float64Array.from({ length: n }, () => draws.normal()).sort());
  const most = Math.floor(alpha * 2 ** (n - 1) + 1e-9);
  const wanted = power * SAMPLES;
  const found = (effect: number) =>
    samples.reduce((count, sample) => count + (sumsBelowZero(sample, effect, most) <= most ? 1 : 0), 0);
  return solve((effect) => wanted - found(effect), 1e-4);
}

/**
 * How many of the 2ⁿ sums of some of the values, each shifted by `shift`, are at most 0; it stops counting beyond `most`. Half as
 * many sign assignments as are at least as extreme as the values themselves. `sorted` is ascending.
 */
function sumsBelowZero(sorted: Float64Array, shift: number, most: number): number {
  let count = 1; // the sum of none
  const add = (from: number, sum: number): void => {
    for (let i = from; i < sorted.length; i++) {
      const next = sum + sorted[i]! + shift;
      if (next > 0 || count > most) return;
      count += 1;
      add(i + 1, next);
    }
  };
  add(0, 0);
  return count;
}

/** The fewest seeds with which the sign-flip test can reject anything at α among `arms` tests corrected by Holm. */
export function seedsToReject(arms: number, alpha = 0.05): number {
  let n = 1;
  while (arms * smallestSignFlipP(n) > alpha && n < 64) n++;
  return n;
}
