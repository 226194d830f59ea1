/** What an optimizer is to the rest of the program: pure functions over named tensors, and a list of its slots. */
import type { Tensor, Tensors } from '../tensor/ops.ts';

/** One value of the optimizer's state per parameter, of the parameter's shape. */
export interface Slot {
  readonly name: string;
  /** Where it starts: at zero, or at the parameter. */
  readonly from: 'zeros' | 'param';
}

/** Everything that changes from step to step and is not a tensor, by name; computed in float64, entering as 0-d tensors. */
export type Scalars = Readonly<Record<string, number>>;

/** `step` every step; `merge` where a lookahead merge follows the step. */
export type Variant = 'step' | 'merge';

export interface Optimizer {
  /** State is `${slot}/${parameter}` for each slot and parameter. */
  readonly slots: readonly Slot[];
  /** Which program ends step t (t counts from 1). */
  variant(t: number): Variant;
  /** Learning rate at step t. */
  lr(t: number): number;
  /** The scalars `update` wants at step t; their names do not depend on t. */
  scalars(t: number): Scalars;
  /**
   * One step without the merge. `meters`, when given, receives the components' activity as 0-d tensors
   * (`agc/clippedShare`, …); asking for them never changes the step.
   */
  update(
    params: Tensors,
    grads: Tensors,
    state: Tensors,
    scalars: Tensors,
    meters?: Record<string, Tensor>,
  ): { params: Tensors; state: Tensors };
  /** The lookahead merge: call after `update` when variant(t) is `merge`. Meters as above. */
  merge(params: Tensors, state: Tensors, meters?: Record<string, Tensor>): { params: Tensors; state: Tensors };
}
