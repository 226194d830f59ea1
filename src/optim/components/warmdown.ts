import { z } from 'zod';
import { defineComponent, type RunLength } from '../component.ts';

const rules = ['steps', 'share', 'steps-2021-05'] as const;

/**
 * Explore–exploit schedule: flat, then linear down to the end of the run.
 *
 *     steps           η_t = max(η_min, η − (η − η_min) · min(1, (t + 1 − s)/(T − s + 1)))
 *     steps-2021-05   η_t = max(η_min, η − (η − η_min) · min(1, max(1, t − s − 1)/(T − s)))
 *     share           η_t = min(η_t, η_min + (η − η_min) · (T − t)/((1 − 0.72) T))
 *
 * The first two hold for t ≥ s = ⌊0.72 · epochs · steps⌋ and replace whatever rate the schedules before them gave.
 * Beyond the end the rate stays at η_min.
 *
 * Reference: Iyer et al., Wide-minima Density Hypothesis and the Explore-Exploit Learning Rate Schedule, 2020.
 * https://arxiv.org/abs/2003.03977; `share` is eq. 9–10 of the Ranger21 paper, `steps` the reference code since 16 May
 * 2021, `steps-2021-05` the same code before that (de331ad), whose last step is still above η_min.
 * Differs from the reference code: η_min is never above η (`floor: literal` keeps that).
 */
export const warmdown = defineComponent({
  slot: 'schedule',
  name: 'explore–exploit warm-down',
  summary: 'lowers the learning rate linearly over the last part of the run',
  paper: 'https://arxiv.org/abs/2003.03977',
  off: 'constant learning rate after the warm-up',
  options: z.strictObject({
    rule: z.enum(rules).default('steps').describe('the reference code’s, the paper’s, or that of the code of May 2021'),
    start: z.number().gt(0).max(1).default(0.72).describe('share of the run before the rate falls'),
    minLr: z.number().nonnegative().default(3e-5).describe('η_min: where the rate ends'),
    floor: z
      .enum(['capped', 'literal', 'none'])
      .default('capped')
      .describe('η_min is at most lr, or taken as it is even above lr, or the line runs on below it'),
  }),
  build: (options) => (context) => {
    const { lr: peak, epochs, stepsPerEpoch } = context;
    const { rule, start: share, floor } = options;
    const total = epochs * stepsPerEpoch;
    const minLr = floor === 'capped' ? Math.min(options.minLr, peak) : options.minLr;
    const floored = (lr: number) => (floor === 'none' ? lr : Math.max(minLr, lr));
    if (rule === 'share') {
      const length = (1 - share) * total;
      if (length === 0) return (_, lr) => lr;
      return (t, lr) => Math.min(lr, floored(minLr + (peak - minLr) * ((total - t) / length)));
    }
    const start = warmdownStart(options, context);
    const covered = (t: number) =>
      rule === 'steps' ? (t + 1 - start) / (total - start + 1) : Math.max(1, t - start - 1) / (total - start);
    return (t, lr) => (t < start ? lr : floored(peak - (peak - minLr) * Math.min(1, covered(t))));
  },
});

/** The first step at a lowered rate. */
export const warmdownStart = (
  { rule, start }: { readonly rule: (typeof rules)[number]; readonly start: number },
  { epochs, stepsPerEpoch }: RunLength,
): number =>
  rule === 'share' ? Math.floor(start * epochs * stepsPerEpoch) + 1 : Math.trunc(start * epochs * stepsPerEpoch); // left to right: 0.72·10·100 is 719
