/** What would keep a study from being planned, known before its data are read. */
import type { Conflict } from '../../config/conflicts.ts';
import type { Experiment } from '../../config/schema.ts';
import { searchSchema } from '../../config/search.ts';
import type { Arm } from '../../runs/study.ts';
import { mostSobolDimensions } from '../search/sobol.ts';
import { measuredSeeds } from '../search/trialPlan.ts';
import { armsOf } from './ablation.ts';
import { noArm } from './namedArms.ts';
import { seedList, seedProblem } from './plan.ts';
import { defaultHeadline } from './protocol.ts';

/** `parts` has the blocks of the experiment that are valid. What is wrong inside an arm's `set`, loading a config finds itself. */
export function planConflicts(parts: Partial<Experiment>): Conflict[] {
  const { optimizer, stop, study } = parts;
  if (!optimizer || !stop || !('study' in parts)) return [];
  const base = parts as Experiment; // the arms are made of these blocks; the others they only carry
  const tooMany = seedProblem(study?.seeds ?? 3, base.seed ?? 0);
  if (tooMany !== undefined) return [{ path: ['study', 'seeds'], message: tooMany }];
  const seeds = seedList(study?.seeds ?? 3, base.seed ?? 0);
  const { arms, conflicts } = armsOf(base, { ...study, seeds });
  const found = conflicts.filter(({ path }) => path[3] !== 'set');
  if (!study || arms.length === 0) return found;
  const { headline = defaultHeadline(arms) } = study;
  const names = [...arms, ...(study.arms ?? [])].map(({ name }) => name);
  if (!names.includes(headline)) {
    found.push({ path: ['study', 'headline'], message: noArm(headline, names) });
  }
  return [...found, ...searchProblems(study, arms, headline, seeds)];
}

function* searchProblems(
  { tier, search = searchSchema.parse({}), arms: named = [] }: NonNullable<Experiment['study']>,
  arms: readonly Arm[],
  headline: string,
  seeds: readonly number[],
): Generator<Conflict> {
  if (tier === 'T0') return;
  const taken = arms.flatMap(({ seedOffset = 0 }) => seeds.map((seed) => seed + seedOffset));
  const measured = measuredSeeds(search, taken);
  if (measured.length > 0) {
    const message = `${measured.join(', ')} are measured too: choose hyperparameters on others than the study and its A/A arm (seed + 1000000) have, or give a number`;
    yield { path: ['study', 'search', 'seeds'], message };
  }
  const dimensions = Object.keys(search.space).length;
  if (tier === 'T1' && search.design === 'sobol' && dimensions > mostSobolDimensions) {
    const message = `sobol has ${mostSobolDimensions} dimensions, and this space ${dimensions}: use halton or random`;
    yield { path: ['study', 'search', 'design'], message };
  }
  const trials = tier === 'T1' ? search.budget : new Set(search.line).size;
  for (const [i, { name, tuned }] of named.entries()) {
    if (!tuned || tuned.trials === trials || (tier === 'T1' && name !== headline)) continue;
    const message = `${tier} gives each arm it tunes ${trials} trials: leave \`tuned\` out, so that this arm is searched here too, or declare T0`;
    yield { path: ['study', 'arms', i, 'tuned', 'trials'], message };
  }
}
