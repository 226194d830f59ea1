import { z } from 'zod';
import { defineComponent, type ScheduleContext } from '../component.ts';

/**
 * Linear warm-up of the learning rate.
 *
 *     threshold   η_t = η · min(1, t/N)      N = ⌈2/(1 − β₂)⌉, or ⌊ρT⌋ where that is more than 0.45 T
 *     minimum     η_t = η · min(1, max(½(1 − β₂) t, t/(ρT)))
 *
 * Both last 2/(1 − β₂) steps in long runs (2000 at β₂ = 0.999) and the share ρ of short ones.
 *
 * Reference: Ma & Yarats, On the adequacy of untuned warmup for adaptive optimization, 2019.
 * https://arxiv.org/abs/1910.04209; `minimum` is eq. 8 of the Ranger21 paper, `threshold` the reference code.
 * Differs from the reference code: 0 steps are no warm-up (there an error or a crash).
 */
export const warmup = defineComponent({
  slot: 'schedule',
  name: 'linear warm-up',
  summary: 'raises the learning rate linearly at the start',
  paper: 'https://arxiv.org/abs/1910.04209',
  off: 'full learning rate from step 1',
  options: z.strictObject({
    rule: z.enum(['threshold', 'minimum']).default('threshold').describe('the reference code’s, or the paper’s'),
    steps: z.int().nonnegative().nullable().default(null).describe('N, instead of the rule; 0 is no warm-up'),
    share: z.number().gt(0).lt(1).default(0.22).describe('ρ: share of a short run'),
  }),
  build: (options) => (context) => {
    const { beta2, epochs, stepsPerEpoch } = context;
    if (options.rule === 'threshold' || options.steps !== null) {
      const end = warmupSteps(options, context);
      return (t, lr) => (t <= end ? lr * Math.min(1, t / end) : lr);
    }
    const short = options.share * (epochs * stepsPerEpoch);
    return (t, lr) => lr * Math.min(1, Math.max(0.5 * (1 - beta2) * t, t / short));
  },
});

/** The first step at the full rate; 0 without a warm-up. */
export function warmupSteps(
  { rule, steps, share }: z.output<typeof warmup.options>,
  { beta2, epochs, stepsPerEpoch }: Omit<ScheduleContext, 'lr'>,
): number {
  const total = epochs * stepsPerEpoch;
  if (steps !== null) return steps;
  if (rule === 'minimum') return Math.ceil(Math.min(2 / (1 - beta2), share * total));
  const untuned = Math.ceil(2 / (1 - beta2)); // rounding makes this 21 for β₂ = 0.9, in every language
  return untuned / total > 0.45 ? Math.trunc(share * total) : untuned;
}
