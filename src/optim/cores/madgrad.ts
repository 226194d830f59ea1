import { z } from 'zod';
import { add, div, mul, pow, square, sub } from '../../tensor/ops.ts';
import type { Slot } from '../optimizer.ts';
import { product, times } from '../factors.ts';
import { defineCore } from './core.ts';

/**
 * MADGRAD: momentumised, adaptive dual averaging.
 *
 *     λ_t = η_t √t        G ← G + λ_t g²        s ← s + λ_t g
 *     z = x₀ − s / (∛G + ε)        θ ← μ θ + (1 − μ) z
 *
 * x₀ are the weights at their first step, after that step's decay; with μ = 0 they are not stored but recovered as
 * θ + s/(∛G + ε) before the step. With the softplus component the denominator is softplus(∛G), without ε. It needs
 * another, usually higher, learning rate than AdamW. β₂ serves stable weight decay and the length of the warm-up.
 *
 * Reference: Defazio & Jelassi, Adaptivity without Compromise: A Momentumized, Adaptive, Dual Averaged Gradient Method
 * for Stochastic Optimization, 2021. https://arxiv.org/abs/2101.11075
 * Differs from the reference code: ε where softplus is off (there 0/0). Differs from the paper's code: ε is not added
 * to η.
 */
export const madgrad = defineCore({
  name: 'MADGRAD',
  summary: 'dual averaging with a cube-root denominator',
  paper: 'https://arxiv.org/abs/2101.11075',
  offers: ['denominator'],
  options: z.strictObject({
    momentum: z.number().min(0).lt(1).default(0.9).describe('μ: share of the weights that stays'),
    beta2: z.number().min(0).lt(1).default(0.999).describe('β₂: decay of the second moment behind V and the warm-up'),
    eps: z.number().nonnegative().default(1e-8).describe('ε: added to the denominator when softplus is off'),
  }),
  build({ momentum, beta2, eps }, { denominator, needsSecondMoment }) {
    const zeros = (name: string): Slot => ({ name, from: 'zeros' });
    return {
      slots: [
        zeros('G'),
        zeros('s'),
        ...(momentum === 0 ? [] : [{ name: 'x0', from: 'param' } as const]),
        ...(needsSecondMoment ? [zeros('v')] : []),
      ],
      scalars: (lr, t, own) => ({
        lr,
        lambda: lr * Math.sqrt(t),
        varianceScale: 1 / (1 - beta2 ** own),
        first: own === 1 ? 1 : 0,
      }),
      decayRate: (scalars) => scalars['lambda']!,
      root: (mean) => pow(mean, 1 / 3),
      observe({ value, factor }, state, { lambda, varianceScale, first }, tally) {
        const g = product(value, factor);
        const squared = square(g);
        const G = add(state['G']!, mul(squared, lambda!));
        const s = add(state['s']!, mul(g, lambda!));
        const v = needsSecondMoment ? add(mul(state['v']!, beta2), mul(squared, 1 - beta2)) : undefined;
        /** share · s/r */
        const dual = (sum: typeof s, of: typeof G, share: number, meter = tally) => {
          const r = denominator(pow(of, 1 / 3), 1, eps, meter);
          return div(product(sum, div(share, r.factor)), r.value);
        };
        return {
          state: { G, s, ...(v && { v }) },
          second: v && { v, maximum: undefined, correction: varianceScale!, size: v.size },
          move(weights, decay) {
            if (momentum === 0) {
              const x0 = add(product(weights.value, decay), dual(state['s']!, state['G']!, 1, undefined));
              return { value: sub(x0, dual(s, G, 1)), state: {} };
            }
            // the slot starts at the undecayed weights, so the first step's decay is all it is short of
            const x0 = decay === 1 ? state['x0']! : mul(state['x0']!, add(1, mul(first!, sub(decay, 1))));
            const z = sub(mul(x0, 1 - momentum), dual(s, G, 1 - momentum));
            return { value: add(product(weights.value, times(decay, momentum)), z), state: { x0 } };
          },
        };
      },
    };
  },
});
