import { z } from 'zod';
import { adamStep } from '../../tensor/adamStep.ts';
import { add, div, maximum, mul, sqrt, square, sub } from '../../tensor/ops.ts';
import type { Momentum } from '../component.ts';
import { product, times } from '../factors.ts';
import { defineCore, plainDenominator } from './core.ts';

/**
 * AdamW: Adam with decoupled weight decay.
 *
 *     θ ← θ (1 − η λ)
 *     m ← β₁ m + (1 − β₁) g        v ← β₂ v + (1 − β₂) g²
 *     θ ← θ − η/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε)
 *
 * `amsgrad` divides by the running maximum of v (before bias correction), `adabelief` replaces v in the denominator by
 * s ← β₂ s + (1 − β₂)(g − m)².
 *
 * Reference: Loshchilov & Hutter, Decoupled Weight Decay Regularization, 2019. https://arxiv.org/abs/1711.05101;
 * Reddi et al., On the Convergence of Adam and Beyond, 2018; Zhuang et al., AdaBelief Optimizer, 2020.
 * Differs from the reference code: both flags work (there the maximum is never used and AdaBelief flips signs).
 */
export const adamw = defineCore({
  name: 'AdamW',
  summary: 'Adam with decoupled weight decay',
  paper: 'https://arxiv.org/abs/1711.05101',
  offers: ['momentum', 'denominator'],
  options: z.strictObject({
    beta1: z.number().min(0).lt(1).default(0.9).describe('β₁: decay of the first moment'),
    beta2: z.number().min(0).lt(1).default(0.999).describe('β₂: decay of the second moment'),
    eps: z.number().nonnegative().default(1e-8).describe('ε: added to the denominator'),
    amsgrad: z.boolean().default(false).describe('divide by the running maximum of the second moment'),
    adabelief: z.boolean().default(false).describe('second moment of the gradient’s distance from the first'),
  }),
  build({ eps, amsgrad, adabelief, ...betas }, parts) {
    const [beta1, beta2] = [Math.fround(betas.beta1), Math.fround(betas.beta2)]; // then β and 1 − β add up to one in float32
    const momentum = (parts.momentum ?? plainMomentum)({ beta1, beta2 });
    const isPlain = !parts.momentum && parts.denominator === plainDenominator && !parts.needsSecondMoment;
    const keepsVariance = !adabelief || parts.needsSecondMoment;
    // k = √(1 − β₂)·g is the one whole-tensor product: v takes its square, the momentum a multiple of it
    const scale = Math.sqrt(1 - beta2);

    return {
      slots: [
        ...momentum.slots,
        ...(keepsVariance ? ['v'] : []),
        ...(adabelief ? ['s'] : []),
        ...(amsgrad ? ['vMax'] : []),
      ].map((name) => ({ name, from: 'zeros' as const })),
      scalars: (lr, _, own) => ({
        lr,
        stepSize: lr / (1 - beta1 ** own),
        rootScale: 1 / Math.sqrt(1 - beta2 ** own),
        varianceScale: 1 / (1 - beta2 ** own),
      }),
      decayRate: (scalars) => scalars['lr']!,
      root: sqrt,
      observe({ value, factor, momentumFactor }, state, { stepSize, rootScale, varianceScale }, tally) {
        if (isPlain && !amsgrad && !adabelief && momentumFactor === 1) {
          return {
            state: {},
            second: undefined,
            move({ value: weights }, keep) {
              const [m, v, gradient] = [state['m']!, state['v']!, product(value, factor)];
              const at = { keep, stepSize: div(stepSize!, rootScale!), eps: div(eps, rootScale!) };
              const next = adamStep({ weights, gradient, m, v, ...at }, { beta1, beta2 });
              return { value: next.weights, state: { m: next.m, v: next.v } };
            },
          };
        }
        const k = product(value, times(factor, scale));
        const moving = momentum.update({ value: k, factor: times(momentumFactor, 1 / scale) }, state, tally);
        const v = keepsVariance ? add(mul(state['v']!, beta2), square(k)) : undefined;
        const distance = () => sub(product(k, times(momentumFactor, 1 / scale)), moving.current); // exactly 0 where m = g
        const s = adabelief ? add(mul(state['s']!, beta2), mul(square(distance()), 1 - beta2)) : undefined;
        const second = (s ?? v)!;
        const vMax = amsgrad ? maximum(state['vMax']!, second) : undefined;
        return {
          state: { ...moving.state, ...(v && { v }), ...(s && { s }), ...(vMax && { vMax }) },
          second: v && { v, maximum: vMax, correction: varianceScale!, size: v.size },
          move(weights, decay) {
            const denominator = parts.denominator(sqrt(vMax ?? second), rootScale!, eps, tally);
            const update = div(moving.direction(div(stepSize!, denominator.factor)), denominator.value);
            return { value: sub(product(weights.value, decay), update), state: {} };
          },
        };
      },
    };
  },
});

/** m ← β₁ m + (1 − β₁) g, which moves the weights as it is. */
const plainMomentum = ({ beta1 }: { beta1: number }): Momentum => ({
  slots: ['m'],
  update({ value, factor }, { m: old }) {
    const m = add(mul(old!, beta1), product(value, times(factor, 1 - beta1)));
    return { state: { m }, current: m, direction: (scale) => product(m, scale) };
  },
});
