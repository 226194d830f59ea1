/**
 * Which axes make up one output unit (a filter, a neuron): the one place that knows kernels are HWIO.
 *
 * Norms (adaptive gradient clipping, norm loss) and means (gradient centralisation) are taken over these axes with the
 * dimensions kept, so that [H, W, I, O] gives [1, 1, 1, O].
 */
import { sqrt, square, sum, type Tensor } from './ops.ts';

/** What a parameter is; shape alone cannot tell a dense kernel from an embedding. */
export type Role = 'dense' | 'conv' | 'depthwise' | 'embedding' | 'vector';

export interface UnitAxes {
  /** Axes of one unit for norms; a vector or scalar is one unit. */
  readonly norm: readonly number[];
  /** Axes of one unit for means, or undefined where a mean has no meaning (vectors). */
  readonly mean: readonly number[] | undefined;
}

/** The reference code's norm of a rank-3 kernel spans the input axis only; the paper's spans all but the output axis. */
export type Rank3Norm = 'input' | 'all';

/** The role a variable's name and shape suggest: TensorFlow's own suffixes for depthwise kernels and embeddings. */
export function roleOf(name: string, shape: readonly number[]): Role {
  if (shape.length <= 1) return 'vector';
  if (/depthwise_kernel(:\d+)?$/.test(name)) return 'depthwise';
  if (/embeddings(:\d+)?$/.test(name)) return 'embedding';
  return shape.length === 2 ? 'dense' : 'conv';
}

/**
 * Unit axes of a tensor: all but the last, except embeddings (rows) and depthwise kernels (channel and multiplier are
 * both unit axes). A rank-3 kernel's norm follows `rank3`.
 */
export function unitAxes(role: Role, shape: readonly number[], rank3: Rank3Norm): UnitAxes {
  if (shape.length <= 1 || role === 'vector') return { norm: shape.map((_, i) => i), mean: undefined };
  if (role === 'embedding') return { norm: [1], mean: [1] };
  if (role === 'depthwise') return { norm: [0, 1], mean: [0, 1] };
  const allButLast = shape.slice(0, -1).map((_, i) => i);
  return { norm: shape.length === 3 && rank3 === 'input' ? [1] : allButLast, mean: allButLast };
}

/** ‖x_u‖₂ of each unit, dimensions kept: [H, W, I, O] → [1, 1, 1, O], [N] → [1]. */
export const unitNorm = (x: Tensor, axes: readonly number[]): Tensor => sqrt(sum(square(x), axes, true));
