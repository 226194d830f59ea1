/** Products that are put off: a factor of 1 costs nothing, and two small factors meet before they meet a parameter. */
import { mul, type Operand, type Tensor } from '../tensor/ops.ts';

export const times = (a: Operand, b: Operand): Operand => {
  if (a === 1) return b;
  if (b === 1) return a;
  return typeof a === 'number' && typeof b === 'number' ? a * b : mul(a, b);
};

/** The whole-tensor product, skipped where it would change nothing. */
export const product = (value: Tensor, factor: Operand): Tensor => (factor === 1 ? value : mul(value, factor));

/** Whether a factor has one value along each of these axes, so that a mean or sum over them may pull it out. */
export const constantOver = (factor: Operand, axes: readonly number[]): boolean =>
  typeof factor === 'number' || factor.rank === 0 || axes.every((axis) => factor.shape[axis] === 1);
