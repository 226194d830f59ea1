/**
 * Chebyshev learning-rate multipliers, one an epoch, after the warm-up and until the warm-down takes over.
 *
 *     1 / (0.55 − 0.45 cos((i + ½) π/n))      n = epochs − 2, in an order that alternates large and small
 *
 * Epochs 1 and 2 use the first multiplier, later ones the next each. They lie between 1 and 10: up to ten times the
 * configured rate.
 *
 * Reference: Agarwal et al., Acceleration via Fractal Learning Rate Schedules, 2021. https://arxiv.org/abs/2103.01338
 * Differs from the reference code: any number of epochs ≥ 3 (there it fails unless n is a power of two, and then too).
 */
import type { RunLength, Schedule } from './component.ts';

/** The n multipliers in the order they are used. */
export function chebyshevMultipliers(n: number): number[] {
  return fractalOrder(n).map((i) => 1 / (0.55 - 0.45 * Math.cos(((i + 0.5) / n) * Math.PI)));
}

/** 0 … n−1 in bit-reversal-like order: that of the next power of two without what is too large. */
export function fractalOrder(n: number): number[] {
  let order = [0];
  while (order.length < n) order = order.flatMap((i) => [i, 2 * order.length - 1 - i]);
  return order.filter((i) => i < n);
}

export function chebyshev({ epochs, stepsPerEpoch }: RunLength, warmupEnd: number): Schedule {
  const multipliers = chebyshevMultipliers(Math.max(1, epochs - 2));
  return (t, lr) => {
    if (t <= warmupEnd) return lr;
    const epoch = Math.ceil(t / stepsPerEpoch);
    return lr * multipliers[Math.min(Math.max(epoch - 2, 0), multipliers.length - 1)]!;
  };
}
