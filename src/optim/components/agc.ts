import { z } from 'zod';
import { div, greater, maximum, mul, sum, toFloat, where } from '../../tensor/ops.ts';
import { sizeOf } from '../../tensor/compile.ts';
import { unitNorm } from '../../tensor/units.ts';
import { defineComponent } from '../component.ts';
import { times } from '../factors.ts';
import { matchesAny } from '../names.ts';

/**
 * Adaptive gradient clipping (AGC).
 *
 *     g_u ← g_u · l_u / max(‖g_u‖, 10⁻⁶)   where ‖g_u‖ > l_u = τ · max(‖θ_u‖, ε),   for each output unit u
 *
 * Scales a unit's gradient down when it is large beside the unit's weights; ε keeps units that start at zero trainable.
 * Vectors are one unit. Gradient normalisation, when on, undoes it for vectors.
 *
 * Reference: Brock et al., High-Performance Large-Scale Image Recognition Without Normalization, 2021, eq. 3.
 * https://arxiv.org/abs/2102.06171
 * Differs from the paper: no layer is exempt unless `exclude` names it (the paper exempts the last linear layer).
 */
export const agc = defineComponent({
  slot: 'gradient',
  name: 'adaptive gradient clipping',
  summary: 'clips each unit’s gradient to a share of its weight norm',
  paper: 'https://arxiv.org/abs/2102.06171',
  off: 'the gradient passes unchanged',
  options: z.strictObject({
    clip: z.number().positive().default(1e-2).describe('τ: largest allowed ‖g_u‖ / ‖θ_u‖'),
    eps: z.number().positive().default(1e-3).describe('ε: floor of ‖θ_u‖'),
    exclude: z.array(z.string()).default([]).describe('parameters left alone, by name; * matches anything'),
  }),
  build:
    ({ clip, eps, exclude }) =>
    (gradient, weights, tally) => {
      if (matchesAny(exclude, weights.name)) return gradient;
      const norm = times(unitNorm(gradient.value, weights.axes.norm), gradient.factor);
      const limit = mul(maximum(weights.norm(), eps), clip);
      const clipped = greater(norm, limit);
      const factor = where(clipped, div(limit, maximum(norm, 1e-6)), 1);
      const units = sizeOf(limit.shape);
      tally?.share('agc/clippedShare', sum(toFloat(clipped)), units);
      tally?.share('agc/clipFactor', sum(factor), units);
      return { ...gradient, factor: times(gradient.factor, factor) };
    },
});
