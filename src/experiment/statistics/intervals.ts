/**
 * Intervals for means and shares.
 *
 * For a mean over 5 seeds a 95 % t interval covers 95 %, a bootstrap interval about 85 %: with few seeds t is the one to
 * read, and the bootstrap stands beside it for skewed differences.
 */
import type { Stream } from '../../random.ts';
import { mean, sampleSd, sortedQuantile, varies } from './describe.ts';
import { normalCdf, normalQuantile, studentTQuantile } from './distributions.ts';

export type Interval = readonly [low: number, high: number];

/**
 * x̄ ± t(1 − (1 − confidence)/2; n − 1) · s/√n.
 *
 * Null below two values, and where they do not vary: values that happen to be equal would give an interval of no width,
 * which says that the mean is known exactly, and two or five runs cannot show that.
 */
export function studentTInterval(xs: readonly number[], confidence = 0.95): Interval | null {
  if (xs.length < 2 || !varies(xs)) return null;
  const half = (studentTQuantile(0.5 + confidence / 2, xs.length - 1) * sampleSd(xs)) / Math.sqrt(xs.length);
  return [mean(xs) - half, mean(xs) + half];
}

/**
 * Bias-corrected and accelerated bootstrap interval of the mean; null where Student's is.
 *
 *     ends: quantiles Φ(z₀ + (z₀ + z) / (1 − a (z₀ + z))) of the resampled means, z = ±Φ⁻¹(0.5 + confidence/2)
 *     z₀ = Φ⁻¹(share of resampled means below x̄, ties half)      a = Σ u³ / (6 (Σ u²)^1.5), u = x − x̄
 *
 * Reference: Efron, Better Bootstrap Confidence Intervals, 1987. https://doi.org/10.2307/2289144
 */
export function bcaInterval(
  xs: readonly number[],
  draws: Stream,
  confidence = 0.95,
  resamples = 10_000,
): Interval | null {
  if (xs.length < 2 || !varies(xs)) return null;
  const centre = mean(xs);
  const means = resampled(xs.length, draws, resamples, (picks) => {
    let sum = 0;
    for (const i of picks) sum += xs[i] as number;
    return sum / xs.length;
  });
  const tie = 1e-12 * Math.max(...xs.map(Math.abs));
  const below = means.reduce((n, m) => n + (m < centre - tie ? 1 : m <= centre + tie ? 0.5 : 0), 0) / resamples;
  const shift = normalQuantile(below);
  const power = (k: number) => xs.reduce((sum, x) => sum + (x - centre) ** k, 0);
  const acceleration = power(3) / (6 * power(2) ** 1.5);
  const end = (z: number) => sortedQuantile(means, normalCdf(shift + (shift + z) / (1 - acceleration * (shift + z))));
  const z = normalQuantile(0.5 + confidence / 2);
  return [end(-z), end(z)];
}

/** A statistic of samples drawn with replacement from indices 0 … n−1, in ascending order. */
export function resampled(
  n: number,
  draws: Stream,
  resamples: number,
  statistic: (picks: Uint32Array) => number,
): Float64Array {
  const picks = new Uint32Array(n);
  return Float64Array.from({ length: resamples }, () => {
    for (let i = 0; i < n; i++) picks[i] = draws.below(n);
    return statistic(picks);
  }).sort();
}

/**
 * Wilson's score interval of a share of k in n.
 *
 * Reference: Wilson, Probable Inference, the Law of Succession, and Statistical Inference, 1927.
 * https://doi.org/10.2307/2276774
 */
export function wilsonInterval(k: number, n: number, confidence = 0.95): Interval {
  const z = normalQuantile(0.5 + confidence / 2);
  const share = k / n;
  const centre = (share + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n))) / (1 + (z * z) / n);
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}
