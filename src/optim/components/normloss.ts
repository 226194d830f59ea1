import { z } from 'zod';
import { abs, add, div, maximum, mul, sub, sum, type Operand, type Tensor } from '../../tensor/ops.ts';
import { sizeOf } from '../../tensor/compile.ts';
import { defineComponent } from '../component.ts';
import { times } from '../factors.ts';
import { matchesAny } from '../names.ts';

/**
 * Norm loss: pulls each output unit's weight vector towards norm 1.
 *
 *     independent   θ_u ← θ_u · (1 − 2 η λₙ (1 − 1/(‖θ_u‖ + ε)))      after weight decay, ‖θ_u‖ of the decayed weights
 *     product       θ_u ← θ_u · (1 − η (λ/V) (1 − 1/(‖θ_u‖ + ε)))     in place of weight decay
 *
 * A unit below norm 1 grows; a zero unit stays zero. Vectors are one unit.
 *
 * Reference: Georgiou et al., Norm Loss: An efficient yet effective regularization method for deep neural networks,
 * 2021. https://arxiv.org/abs/2103.06583
 * Differs between the two sources: the reference code has the factor 2 and a λₙ of its own, the Ranger21 paper (eq. 7)
 * one λ for decay and norm loss. Differs from the reference code of 2021: every tensor is pulled, not the last alone.
 */
export const normloss = defineComponent({
  slot: 'pull',
  name: 'norm loss',
  summary: 'pulls each unit’s weight norm towards 1',
  paper: 'https://arxiv.org/abs/2103.06583',
  off: 'the term is left out; weight decay is unaffected',
  options: z.strictObject({
    form: z.enum(['independent', 'product']).default('independent').describe('a λₙ of its own, or a factor on decay'),
    factor: z
      .number()
      .nonnegative()
      .nullable()
      .default(1e-4)
      .describe('λₙ of the independent form; null in the product form, which shares weightDecay'),
    eps: z.number().nonnegative().default(1e-8).describe('ε: added to the norm'),
    exclude: z.array(z.string()).default([]).describe('parameters left alone, by name; * matches anything'),
  }),
  build:
    ({ form, factor, eps, exclude }) =>
    (weights, { lr, rate, keep, floor }, tally) => {
      if (matchesAny(exclude, weights.name)) return keep;
      const pull = (norm: Operand): Tensor => sub(1, div(1, maximum(add(norm, eps), 1e-30)));
      // where decay may take more than the whole weight (swd.limit above 1), keep is negative and the norm is not
      const shrink = typeof keep === 'number' ? keep : abs(keep);
      const norm = form === 'independent' ? times(shrink, weights.norm()) : weights.norm();
      const change = mul(form === 'independent' ? mul(lr, 2 * (factor ?? 0)) : rate, pull(norm));
      tally?.share('normloss/pull', sum(abs(change)), sizeOf(change.shape));
      const pulled = sub(1, change);
      if (form === 'independent') return times(keep, pulled);
      return floor === undefined ? pulled : maximum(pulled, floor);
    },
});
