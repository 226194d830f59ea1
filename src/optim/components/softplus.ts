import { z } from 'zod';
import { add, greater, log, mul, sigmoid, sub, sum, toFloat } from '../../tensor/ops.ts';
import { defineComponent } from '../component.ts';
import { product, times } from '../factors.ts';

/**
 * Softplus denominator.
 *
 *     d ← ln(1 + e^{β d}) / β      d = √v̂ + ε
 *
 * Smooth and at least ln 2 / β (0.0139 at β = 50), so that tiny second moments cannot make huge steps.
 *
 * Reference: Tong et al., Calibrating the Adaptive Learning Rate to Improve Convergence of ADAM, 2019.
 * https://arxiv.org/abs/1908.00700
 * Differs from the paper: ε is kept inside, as in the reference code, whose identity branch above βd = 20 is equal to
 * the formula in float32.
 */
export const softplus = defineComponent({
  slot: 'denominator',
  name: 'softplus denominator',
  summary: 'smooths the denominator away from zero',
  paper: 'https://arxiv.org/abs/1908.00700',
  off: 'the denominator is √v̂ + ε',
  options: z.strictObject({
    beta: z.number().positive().default(50).describe('β: sharpness; the floor is ln 2 / β'),
  }),
  build:
    ({ beta }) =>
    (root, scale, eps, tally) => {
      const scaled = product(root, times(scale, beta));
      const sharp = eps === 0 ? scaled : add(scaled, eps * beta);
      const value = sub(sharp, log(sigmoid(sharp))); // ln(1 + eˣ) for x ≥ 0, where nothing cancels
      tally?.share('softplus/liftedShare', sum(toFloat(greater(value, mul(sharp, 1.01)))), root.size);
      return { value, factor: 1 / beta };
    },
});
