/** What a component is: a record that fills one slot of the optimizer step, and the function each slot asks for. */
import type { z } from 'zod';
import type { Operand, Tensor, Tensors } from '../tensor/ops.ts';
import type { UnitAxes } from '../tensor/units.ts';
import type { Tally } from './meters.ts';

/** A parameter, and its value at the start of the step. */
export interface Weights {
  readonly name: string;
  readonly shape: readonly number[];
  readonly size: number;
  readonly axes: UnitAxes;
  readonly value: Tensor;
  /** ‖θ_u‖₂ of each unit, dimensions kept; computed at most once a step, whoever asks. */
  norm(): Tensor;
}

/**
 * A gradient between two components: value · factor, the product not yet taken. A factor is a number, a 0-d tensor or
 * one value a unit, so that clipping and scaling touch no parameter-sized tensor until the core needs one.
 */
export interface Gradient {
  readonly value: Tensor;
  /** Positive, and constant over each unit of `axes.norm`. */
  readonly factor: Operand;
  /** Whether the mean of `value` over all elements of each unit is zero. */
  readonly centred: boolean;
  /** Multiplies the gradient that enters the first moment, on top of `factor`: a number or 0-d. */
  readonly momentumFactor: Operand;
}

/** First moment: how the gradient enters it and which combination moves the weights. */
export interface Momentum {
  /** Its state, all starting at zero. */
  readonly slots: readonly string[];
  /** The gradient is `value · factor`. `direction(s)` is s times the combination that moves the weights. */
  update(
    gradient: { readonly value: Tensor; readonly factor: Operand },
    state: Tensors,
    tally?: Tally,
  ): { readonly state: Tensors; readonly current: Tensor; direction(scale: Operand): Tensor };
}

/** The denominator of root · scale, as value · factor. */
export type Denominator = (
  root: Tensor,
  scale: Operand,
  eps: number,
  tally?: Tally,
) => { readonly value: Tensor; readonly factor: Operand };

/** A tensor's running second moment before bias correction, and that correction. */
export interface SecondMoment {
  readonly v: Tensor;
  readonly maximum: Tensor | undefined;
  /** 1/(1 − β₂ᵗ), 0-d. */
  readonly correction: Tensor;
  readonly size: number;
}

/** What divides the weight decay of each tensor. */
export interface DecayScale {
  /** What decay multiplies a weight by is at least this. */
  readonly floor: number;
  /** 1/V of each tensor, 0-d; `root` turns a mean of second moments into the core's mean denominator. */
  inverse(
    moments: readonly SecondMoment[],
    root: (mean: Tensor) => Tensor,
    weightDecay: number,
    tally?: Tally,
  ): readonly Tensor[];
}

/** What multiplies the weights, given that decay alone, at `rate`, would multiply them by `keep`. */
export type Pull = (
  weights: Weights,
  at: { readonly lr: Tensor; readonly rate: Operand; readonly keep: Operand; readonly floor: number | undefined },
  tally?: Tally,
) => Operand;

/** How long a run is; the total number of steps T is the product. */
export interface RunLength {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
}

/** Learning rate at step t, given what the schedules before this one made of it. */
export type Schedule = (t: number, incoming: number) => number;
export interface ScheduleContext extends RunLength {
  readonly lr: number;
  readonly beta2: number;
}

export interface Lookahead {
  /** Steps between merges. */
  readonly k: number;
  /** (fast, slow) → the weights both go on from. */
  merge(fast: Tensor, slow: Tensor, tally?: Tally): Tensor;
}

/** The places in a step where a component acts, in order, and what fills each. */
export interface SlotFunctions {
  gradient: (gradient: Gradient, weights: Weights, tally?: Tally) => Gradient;
  momentum: (betas: { readonly beta1: number; readonly beta2: number }) => Momentum;
  denominator: Denominator;
  decay: DecayScale;
  pull: Pull;
  schedule: (context: ScheduleContext) => Schedule;
  lookahead: Lookahead;
}
export type SlotName = keyof SlotFunctions;

export interface Component<Options extends z.ZodObject = z.ZodObject, Name extends SlotName = SlotName> {
  readonly slot: Name;
  readonly name: string;
  readonly summary: string;
  readonly paper: string;
  /** Every option with its default (those of the reference semantics) and what it does. */
  readonly options: Options;
  /** What the step does without the component. */
  readonly off: string;
  build(options: z.output<Options>): SlotFunctions[Name];
}

/** A component, its option types inferred. */
export const defineComponent = <Options extends z.ZodObject, Name extends SlotName>(
  component: Component<Options, Name>,
): Component<Options, Name> => component;
