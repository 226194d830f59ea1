/** Sample statistics. */

/** Arithmetic mean; NaN of nothing. */
export const mean = (xs: readonly number[]): number => xs.reduce((sum, x) => sum + x, 0) / xs.length;

/** Sample standard deviation √(Σ(x − x̄)² / (n − 1)); NaN below two values. */
export function sampleSd(xs: readonly number[]): number {
  const centre = mean(xs);
  return Math.sqrt(xs.reduce((sum, x) => sum + (x - centre) ** 2, 0) / (xs.length - 1));
}

/** The middle value, or the mean of the middle two; NaN of nothing. */
export const median = (xs: Iterable<number>): number => quantile(xs, 0.5);

/**
 * Linear interpolation between the order statistics, x₍₁₎ at p = 0 and x₍ₙ₎ at p = 1; NaN of nothing. Infinite values are
 * larger than any other; a quantile between a finite value and one of them is infinite.
 */
export function quantile(xs: Iterable<number>, p: number): number {
  return sortedQuantile(Float64Array.from(xs).sort(), p);
}

/** `quantile` of values in ascending order. */
export function sortedQuantile(sorted: ArrayLike<number>, p: number): number {
  const at = p * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)] ?? NaN, sorted[Math.ceil(at)] ?? NaN];
  return low === high ? low : low + (high - low) * (at - Math.floor(at));
}

/** Pearson's r; undefined below three pairs, or where one side does not vary. */
export function correlation(xs: readonly number[], ys: readonly number[]): number | undefined {
  if (xs.length < 3 || !varies(xs) || !varies(ys)) return undefined;
  const [mx, my] = [mean(xs), mean(ys)];
  const products = xs.reduce((sum, x, i) => sum + (x - mx) * ((ys[i] as number) - my), 0);
  return products / ((xs.length - 1) * sampleSd(xs) * sampleSd(ys));
}

/**
 * Whether the values differ by more than rounding. Accuracies are multiples of one image, so differences between them are
 * either that large or rounding error, and a spread of rounding errors would make intervals of no width.
 */
export const varies = (xs: readonly number[]): boolean => Math.max(...xs) - Math.min(...xs) > 1e-9;
