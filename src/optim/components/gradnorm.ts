import { z } from 'zod';
import { add, div, less, maximum, mean, mul, sqrt, square, sub, sum, where } from '../../tensor/ops.ts';
import { defineComponent, type Gradient, type Weights } from '../component.ts';
import { product, times } from '../factors.ts';

/**
 * Gradient normalisation.
 *
 *     g ← g / (std(g) + ε)      sample standard deviation (n − 1) over the whole tensor, if it has more than 2 elements
 *
 * The mean is not subtracted by this step. The reference code normalises twice: the second moment sees one pass, the
 * first moment two (the division repeated on the already normalised gradient), MADGRAD one. One pass leaves
 * std/(std + ε) instead of 1, so the two differ wherever std is not far above ε = 10⁻⁸. That is common: adaptive clipping
 * caps the gradient of every tensor that starts at zero (offsets, biases) at a norm of 10⁻⁵, and behind SkipInit scalars
 * whole branches start with vanishing gradients. `passes: 1` gives both moments the same gradient.
 *
 * Reference: the Ranger21 code (July 2021); it has no paper. https://github.com/lessw2020/Ranger21
 * Differs from the reference code: where std < 10⁻⁶ rms (all entries equal) the divisor is rms + ε, because dividing by
 * ε alone throws the weights away.
 */
export const gradnorm = defineComponent({
  slot: 'gradient',
  name: 'gradient normalisation',
  summary: 'divides each tensor’s gradient by its standard deviation',
  paper: 'https://github.com/lessw2020/Ranger21',
  off: 'the gradient passes unchanged',
  options: z.strictObject({
    eps: z.number().positive().default(1e-8).describe('ε: added to the standard deviation'),
    passes: z
      .union([z.literal(1), z.literal(2)])
      .default(2)
      .describe('2: the first moment’s gradient is normalised once more than the second’s, as in the reference code'),
  }),
  build:
    ({ eps, passes }) =>
    (gradient, weights, tally) => {
      if (weights.size <= 2) return gradient;
      const { value, factor, deviation } = spread(gradient, weights);
      tally?.share('gradnorm/scale', deviation, 1);
      const divisor = add(deviation, eps);
      const second = passes === 2 ? div(1, add(div(deviation, divisor), eps)) : 1;
      const momentumFactor = times(gradient.momentumFactor, second);
      return { ...gradient, value, factor: div(factor, divisor), momentumFactor };
    },
});

/** The gradient, and the sample standard deviation of value · factor, or its rms where that is all it has. */
function spread({ value, factor, centred }: Gradient, { size, axes }: Weights) {
  if (centred) {
    const energy =
      typeof factor === 'number' || factor.rank === 0
        ? product(sum(square(value)), times(factor, factor))
        : sum(mul(sum(square(value), axes.norm, true), square(factor)));
    return { value, factor, deviation: sqrt(div(energy, size - 1)) };
  }
  const whole = product(value, factor);
  const middle = mean(whole);
  const rest = sub(whole, middle);
  // the mean of the rest is what rounding left in it
  const energy = maximum(sub(sum(square(rest)), mul(square(mean(rest)), size)), 0);
  const deviation = sqrt(div(energy, size - 1));
  const rms = sqrt(add(div(energy, size), square(middle)));
  return { value: whole, factor: 1, deviation: where(less(deviation, mul(rms, 1e-6)), rms, deviation) };
}
