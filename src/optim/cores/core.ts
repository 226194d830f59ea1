/** What a core is: the update rule the components act on. */
import type { z } from 'zod';
import { add, div, type Operand, type Tensor, type Tensors } from '../../tensor/ops.ts';
import type { Denominator, Gradient, SecondMoment, SlotFunctions, SlotName, Weights } from '../component.ts';
import type { Tally } from '../meters.ts';
import type { Scalars, Slot } from '../optimizer.ts';

/** What a core takes from the components, and which second moment the decay will ask for. */
export interface CoreParts {
  readonly momentum: SlotFunctions['momentum'] | undefined;
  readonly denominator: Denominator;
  readonly needsSecondMoment: boolean;
}

/** Moments of one parameter after the gradient has entered them, before the weights move. */
export interface Moments {
  readonly state: Tensors;
  readonly second: SecondMoment | undefined;
  /** The weights after decay and update, given what decay multiplies them by; and the state that changes with them. */
  move(weights: Weights, decay: Operand): { readonly value: Tensor; readonly state: Tensors };
}

export interface BuiltCore {
  readonly slots: readonly Slot[];
  /** Scalars of global step t; `own` counts the steps of a parameter that joined late. */
  scalars(lr: number, t: number, own: number): Scalars;
  /** The rate that multiplies weight decay. */
  decayRate(scalars: Tensors): Tensor;
  /** Mean second moment → mean denominator. */
  root(mean: Tensor): Tensor;
  observe(gradient: Gradient, state: Tensors, scalars: Tensors, tally?: Tally): Moments;
}

export interface Core<Options extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  readonly summary: string;
  readonly paper: string;
  /** Of the slots inside an update rule, those this one has. */
  readonly offers: readonly SlotName[];
  readonly options: Options;
  build(options: z.output<Options>, parts: CoreParts): BuiltCore;
}

export const defineCore = <Options extends z.ZodObject>(core: Core<Options>): Core<Options> => core;

/** root · scale + ε: the denominator without the softplus component. */
export const plainDenominator: Denominator = (root, scale, eps) => ({
  value: eps === 0 ? root : add(root, div(eps, scale)),
  factor: scale,
});
