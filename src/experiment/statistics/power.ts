/** What a number of seeds can show. */
import { noncentralTCdf, solve, studentTQuantile } from './distributions.ts';
import { smallestSignFlipP } from './tests.ts';

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
 * Minimum detectable effect: the mean difference, in standard deviations of the differences, that a two-sided t test at α
 * finds with this power. Infinite below two seeds.
 */
export function detectableEffect(n: number, alpha = 0.05, power = 0.8): number {
  if (n < 2) return Infinity;
  const key = `${n} ${alpha} ${power}`;
  const effect = known.get(key) ?? solve((x) => power - powerOfT(x, n, alpha));
  known.set(key, effect);
  return effect;
}

/** Every row of a table asks for the same few, at some 25 ms each. */
const known = new Map<string, number>();

/** The fewest seeds with which the sign-flip test can reject anything at α among `arms` tests corrected by Holm. */
export function seedsToReject(arms: number, alpha = 0.05): number {
  let n = 1;
  while (arms * smallestSignFlipP(n) > alpha && n < 64) n++;
  return n;
}
