import { z } from 'zod';
import { add, mul, square, sub, sum } from '../../tensor/ops.ts';
import { defineComponent } from '../component.ts';
import { product, times } from '../factors.ts';

/**
 * Positive–negative momentum (PNM).
 *
 *     m_t = β₁² m_{t−2} + (1 − β₁²) g_t
 *     m̂_t = ((1 + f) m_t − f m_{t−1}) / ((1 − β₁ᵗ) √((1 + q)² + q²))      q = f (paper) or β₂ (reference code)
 *
 * State: `last` = m_{t−1} and `beforeLast` = m_{t−2}. The bias correction is the core's.
 *
 * Reference: Xie et al., Positive-Negative Momentum: Manipulating Stochastic Gradient Noise to Improve Generalization,
 * 2021, algorithm 2. https://arxiv.org/abs/2103.17182
 * Differs from the reference code: f is honoured (there it is always 1); two moments instead of buffers that take turns.
 */
export const pnm = defineComponent({
  slot: 'momentum',
  name: 'positive–negative momentum',
  summary: 'combines two interleaved first moments, one with a negative weight',
  paper: 'https://arxiv.org/abs/2103.17182',
  off: 'plain first moment: m ← β₁ m + (1 − β₁) g',
  options: z.strictObject({
    factor: z.number().min(-0.5).default(1).describe('f: weight of the negative momentum (paper: 0.9)'),
    noiseNorm: z
      .enum(['beta2', 'factor'])
      .default('beta2')
      .describe('q: what the normaliser is made of; β₂ is the reference code’s, the factor the paper’s'),
  }),
  build:
    ({ factor: f, noiseNorm }) =>
    ({ beta1, beta2 }) => {
      const q = noiseNorm === 'beta2' ? beta2 : f;
      const noise = Math.hypot(1 + q, q);
      const decay = beta1 ** 2;
      return {
        slots: ['last', 'beforeLast'],
        update({ value, factor }, { last, beforeLast }, tally) {
          const current = add(mul(beforeLast!, decay), product(value, times(factor, 1 - decay)));
          // negative over positive, which is 0 at the first step; the other way round it would be infinite
          tally?.share('pnm/ratio', mul(sum(square(last!)), f ** 2), mul(sum(square(current)), (1 + f) ** 2), 'root');
          return {
            state: { last: current, beforeLast: last! },
            current,
            direction: (scale) => {
              const positive = product(current, times(scale, (1 + f) / noise));
              return f === 0 ? positive : sub(positive, product(last!, times(scale, f / noise)));
            },
          };
        },
      };
    },
});
