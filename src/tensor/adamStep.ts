/** Adam's update of one parameter, which a backend may do in one pass over memory. */
import * as tf from '@tensorflow/tfjs';
import { add, div, mul, sqrt, square, sub, type Operand, type Tensor } from './ops.ts';

/** Decays of the moments, already numbers that float32 can hold, so that β and 1 − β add up to one. */
export interface Betas {
  readonly beta1: number;
  readonly beta2: number;
}

interface Inputs {
  /** Weights, gradient, moments: all of one shape. */
  readonly weights: Tensor;
  readonly gradient: Tensor;
  readonly m: Tensor;
  readonly v: Tensor;
  /** What decay multiplies the weights by; broadcasts to their shape. */
  readonly keep: Operand;
  /** 0-d. */
  readonly stepSize: Tensor;
  readonly eps: Operand;
}
export interface AdamStep {
  readonly weights: Tensor;
  readonly m: Tensor;
  readonly v: Tensor;
}

/** A backend that has the update as one operation registers it under this name: { weights, gradient, m, v, keep, stepSize, eps }, { beta1, beta2 } → [weights, m, v]. */
export const adamStepKernel = 'AdamStep';

/**
 * Adam's update, without bias correction.
 *
 *     m ← β₁ m + (1 − β₁) g        v ← β₂ v + (1 − β₂) g²        θ ← keep · θ − η · m / (√v + ε)
 */
export function adamStep(inputs: Inputs, betas: Betas): AdamStep {
  if (!tf.getKernel(adamStepKernel, tf.getBackend())) return composed(inputs, betas);
  const tensors = Object.fromEntries(
    Object.entries(inputs as unknown as Record<string, Operand>).map(([name, x]) => [
      name,
      typeof x === 'number' ? tf.scalar(x) : x,
    ]),
  );
  const [weights, m, v] = tf.engine().runKernel(adamStepKernel, tensors, { ...betas }) as unknown as [
    Tensor,
    Tensor,
    Tensor,
  ];
  return { weights, m, v };
}

function composed({ weights, gradient, m, v, keep, stepSize, eps }: Inputs, { beta1, beta2 }: Betas): AdamStep {
  const nextM = add(mul(m, beta1), mul(gradient, 1 - beta1));
  const nextV = add(mul(v, beta2), mul(square(gradient), 1 - beta2));
  const kept = keep === 1 ? weights : mul(weights, keep);
  return { weights: sub(kept, div(mul(nextM, stepSize), add(sqrt(nextV), eps))), m: nextM, v: nextV };
}
