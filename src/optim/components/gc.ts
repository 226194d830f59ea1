import { z } from 'zod';
import { mean, mul, square, sub, sum } from '../../tensor/ops.ts';
import { sizeOf } from '../../tensor/compile.ts';
import { defineComponent } from '../component.ts';
import { constantOver, product } from '../factors.ts';
import { matchesAny } from '../names.ts';

/**
 * Gradient centralisation (GC).
 *
 *     g_u ← g_u − mean(g_u)      for each output unit u of a kernel; vectors and scalars stay
 *
 * Reference: Yong et al., Gradient Centralization: A New Optimization Technique for Deep Neural Networks, 2020, eq. 1.
 * https://arxiv.org/abs/2004.01461
 * Differs from the reference code: taken once; there it is repeated before the momentum, where it changes nothing.
 */
export const gc = defineComponent({
  slot: 'gradient',
  name: 'gradient centralisation',
  summary: 'subtracts the mean of each unit’s gradient',
  paper: 'https://arxiv.org/abs/2004.01461',
  off: 'the gradient passes unchanged',
  options: z.strictObject({
    convOnly: z.boolean().default(false).describe('only tensors of rank above 3'),
    exclude: z.array(z.string()).default([]).describe('parameters left alone, by name; * matches anything'),
  }),
  build:
    ({ convOnly, exclude }) =>
    (gradient, { name, shape, size, axes }, tally) => {
      if (!axes.mean || (convOnly && shape.length <= 3) || matchesAny(exclude, name)) return gradient;
      const movable = constantOver(gradient.factor, axes.mean); // then mean(value · factor) = mean(value) · factor
      const value = movable ? gradient.value : product(gradient.value, gradient.factor);
      const factor = movable ? gradient.factor : 1;
      const removed = mean(value, axes.mean, true);
      if (tally) {
        const share = mul(sum(square(product(removed, factor))), size / sizeOf(removed.shape));
        tally.share('gc/removedShare', share, sum(square(product(value, factor))));
      }
      return { ...gradient, value: sub(value, removed), factor, centred: true };
    },
});
