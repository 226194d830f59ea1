import { z } from 'zod';
import { add, mul, square, sub, sum } from '../../tensor/ops.ts';
import { defineComponent } from '../component.ts';

/**
 * Lookahead: slow weights φ that the fast ones return to.
 *
 *     every k steps   θ ← α θ + (1 − α) φ,   φ ← θ      φ starts at the initial weights
 *
 * It is the last thing in a step; the core's moments are not reset.
 *
 * Reference: Zhang et al., Lookahead Optimizer: k steps forward, 1 step back, 2019. https://arxiv.org/abs/1907.08610
 * Differs from the Ranger21 paper in name only: α weights the fast weights; its β weights the slow ones, α = 1 − β.
 */
export const lookahead = defineComponent({
  slot: 'lookahead',
  name: 'lookahead',
  summary: 'every k steps moves the weights back towards a slow copy',
  paper: 'https://arxiv.org/abs/1907.08610',
  off: 'no slow weights; the fast weights are the result',
  options: z.strictObject({
    k: z.int().min(1).default(5).describe('steps between merges'),
    alpha: z.number().min(0).max(1).default(0.5).describe('α: weight of the fast weights in a merge'),
  }),
  build: ({ k, alpha }) => ({
    k,
    merge(fast, slow, tally) {
      tally?.share('lookahead/distance', sum(square(sub(fast, slow))), sum(square(slow)), 'root');
      return alpha === 1 ? fast : add(mul(fast, alpha), mul(slow, 1 - alpha));
    },
  }),
});
