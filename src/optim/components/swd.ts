import { z } from 'zod';
import { addN, div, greater, minimum, mul, scalar, sum, where, type Tensor } from '../../tensor/ops.ts';
import { defineComponent } from '../component.ts';

/**
 * Stable weight decay (SWD).
 *
 *     θ ← θ · (1 − η λ / V)      V = √mean(v̂) over all elements of the model (`global`) or of the tensor (`tensor`)
 *
 * Divides the decay by what divides the step, so that their balance does not drift as gradients shrink. With MADGRAD V
 * is a cube root and η is η√t. Where V is zero or not finite there is no decay in that step.
 *
 * Reference: Xie et al., On the Overlooked Pitfalls of Weight Decay and How to Mitigate Them, 2020.
 * https://arxiv.org/abs/2011.11152; per tensor and from the AMSGrad maximum: Wright & Demeure, Ranger21, 2021, eq. 6.
 * https://arxiv.org/abs/2106.13731
 * Differs from the reference code of 2021: every tensor decays, not the last alone; a step takes at most `limit` of a
 * weight.
 */
export const swd = defineComponent({
  slot: 'decay',
  name: 'stable weight decay',
  summary: 'divides weight decay by the mean denominator of the update',
  paper: 'https://arxiv.org/abs/2011.11152',
  off: 'decoupled decay at the same λ: θ ← θ · (1 − η λ)',
  options: z.strictObject({
    scope: z.enum(['global', 'tensor']).default('global').describe('what V is the mean over'),
    of: z.enum(['variance', 'maximum']).default('variance').describe('mean of v̂, or of its AMSGrad maximum where kept'),
    sumStart: z.number().nonnegative().default(0).describe('where the global sum of v̂ starts (1 in one known port)'),
    limit: z.number().positive().default(1).describe('largest share of a weight that decay takes in one step'),
  }),
  build: ({ scope, of, sumStart, limit }) => ({
    floor: 1 - limit,
    inverse(moments, root, weightDecay, tally) {
      const sums = moments.map(({ v, maximum, correction }) =>
        mul(sum(of === 'maximum' && maximum ? maximum : v), correction),
      );
      const sizes = moments.map(({ size }) => size);
      const total = sizes.reduce((a, b) => a + b, 0);
      const means =
        scope === 'tensor'
          ? sums.map((s, i) => div(s, sizes[i]!))
          : [div(sumStart === 0 ? addN(sums) : addN([...sums, scalar(sumStart)]), total)];
      const inverses = means.map((mean) => {
        const V = root(mean);
        const inverse = reciprocal(V);
        tally?.share('swd/V', V, 1);
        tally?.share('swd/effectiveDecay', mul(inverse, weightDecay), 1);
        return inverse;
      });
      return scope === 'tensor' ? inverses : moments.map(() => inverses[0]!);
    },
  }),
});

/** 1/V, and 0 where V is zero, infinite or not a number. */
const reciprocal = (V: Tensor): Tensor => where(greater(V, 0), minimum(div(1, V), 1e30), 0);
