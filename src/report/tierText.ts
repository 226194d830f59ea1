/** What a study's tier says of its comparisons. */
import type { Protocol } from '../runs/study.ts';

/** For the caption: how hyperparameters were chosen, in full. */
export function tierText({ tier, search }: Protocol): string {
  if (tier === 'T0') return 'T0: hyperparameters shared by all arms, not a tuned comparison';
  if (!search)
    return tier === 'T1' ? 'T1: the same search budget for each headline arm' : 'T2: whole learning-rate lines';
  const { design, budget, seeds, holdOut, space, line } = search;
  const runs = `${seeds.length} ${seeds.length === 1 ? 'seed' : 'seeds'} each`;
  const where = `scored on ${Number((100 * holdOut).toPrecision(4))} % of the training images held out, then trained on all of them`;
  const ranges = Object.entries(space).map(([key, range]) => `${key.replace('optimizer.', '')} ${range}`);
  return tier === 'T1'
    ? `T1: ${budget} ${design} trials for each headline arm (${ranges.join('; ')}), ${runs}, ${where}`
    : `T2: each arm at the best of ${line.length} learning rates (${line.map((factor) => `×${factor}`).join(' ')}), ${runs}, ${where}`;
}
