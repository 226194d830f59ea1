/** Normal, Student's t and noncentral t distributions, in float64. */

/** Φ(x): the share of a standard normal below x. */
export const normalCdf = (x: number): number => (x < 0 ? upperTail(-x) : 1 - upperTail(x));

/** 1 − Φ(x) for x ≥ 0, by the series of erf below 3 and the continued fraction of erfc above. https://dlmf.nist.gov/7.9 */
function upperTail(x: number): number {
  const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  if (x > 3) {
    let fraction = 0;
    for (let k = 60; k >= 1; k--) fraction = k / (x + fraction);
    return density / (x + fraction);
  }
  let [term, sum] = [x, x];
  for (let k = 1; term > 1e-17 * sum; k++) {
    term *= (x * x) / (2 * k + 1);
    sum += term;
  }
  return 0.5 - density * sum;
}

/** The value below which a standard normal falls with probability p. */
export function normalQuantile(p: number): number {
  if (p <= 0 || p >= 1) return p <= 0 ? -Infinity : Infinity;
  if (p > 0.5) return -normalQuantile(1 - p);
  return -solve((x) => upperTail(x) - p);
}

/** P(T ≤ t) for Student's t with `df` degrees of freedom. */
export function studentTCdf(t: number, df: number): number {
  const outside = regularizedBeta(df / (df + t * t), df / 2, 0.5) / 2;
  return t < 0 ? outside : 1 - outside;
}

/** The value below which Student's t with `df` degrees of freedom falls with probability p, 0 < p < 1. */
export function studentTQuantile(p: number, df: number): number {
  if (p < 0.5) return -studentTQuantile(1 - p, df);
  const upper = 2 * (1 - p); // two-sided tail, I_{df/(df + t²)}(df/2, 1/2)
  return solve((t) => regularizedBeta(df / (df + t * t), df / 2, 0.5) - upper);
}

/** The root of a function that falls from f(0) ≥ 0 on, to a relative `tolerance`. */
export function solve(f: (x: number) => number, tolerance = 1e-15): number {
  let [low, high] = [0, 1];
  while (f(high) > 0 && high < 1e12) high *= 2;
  for (let i = 0; i < 200 && high - low > tolerance * high; i++) {
    const middle = (low + high) / 2;
    if (f(middle) > 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * P(T ≤ t) for the noncentral t distribution of (Z + λ) / √(χ²/df), whose tails give the power of a t test.
 *
 *     Φ(−λ) + ½ Σⱼ (pⱼ I_x(j + ½, df/2) + qⱼ I_x(j + 1, df/2))      x = t² / (df + t²), t ≥ 0
 *     pⱼ = e^(−h) hʲ / j!    qⱼ = λ e^(−h) hʲ / (√2 Γ(j + 3/2))      h = λ²/2
 *
 * Reference: Lenth, Algorithm AS 243: Cumulative Distribution Function of the Non-Central t Distribution, 1989.
 * https://doi.org/10.2307/2347693
 */
export function noncentralTCdf(t: number, df: number, lambda: number): number {
  if (t < 0) return 1 - noncentralTCdf(-t, df, -lambda);
  const x = (t * t) / (df + t * t);
  const h = (lambda * lambda) / 2;
  if (h === 0) return studentTCdf(t, df);
  // the Poisson weights pⱼ lie around h; beyond ten deviations nothing is left of them
  const [from, to] = [Math.max(0, Math.floor(h - 10 * Math.sqrt(h) - 20)), Math.ceil(h + 10 * Math.sqrt(h) + 40)];
  let sum = 0;
  for (let j = from; j <= to; j++) {
    const p = Math.exp(j * Math.log(h) - h - logGamma(j + 1));
    const q = (lambda / Math.SQRT2) * Math.exp(j * Math.log(h) - h - logGamma(j + 1.5));
    sum += p * regularizedBeta(x, j + 0.5, df / 2) + q * regularizedBeta(x, j + 1, df / 2);
  }
  return normalCdf(-lambda) + sum / 2;
}

/**
 * Regularized incomplete beta function I_x(a, b), by its continued fraction (Lentz's method).
 *
 * Reference: Abramowitz & Stegun, 26.5.8. https://dlmf.nist.gov/8.17#v
 */
export function regularizedBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - regularizedBeta(1 - x, b, a); // the fraction converges fast below the mean
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b)) / a;
  let [c, d] = [1, 1 / (1 - ((a + b) * x) / (a + 1))];
  let fraction = d;
  for (let m = 1; m <= 300; m++) {
    for (const coefficient of [
      (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
      (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
    ]) {
      d = 1 / (1 + coefficient * d);
      c = 1 + coefficient / c;
      fraction *= c * d;
    }
    if (Math.abs(c * d - 1) < 1e-16) break;
  }
  return front * fraction;
}

/** ln Γ(x) for x > 0: Stirling's series from 15 on, the recurrence below. https://dlmf.nist.gov/5.11#E1 */
export function logGamma(x: number): number {
  if (x < 15) return logGamma(x + 1) - Math.log(x);
  const r = 1 / (x * x);
  const series = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r / 1188)))) / x;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series;
}
