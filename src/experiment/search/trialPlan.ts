/** The trials of a search as a plan, which is trained, listed and continued like any other. */
import type { SearchBlock } from '../../config/search.ts';
import { rangeText } from '../../config/search.ts';
import type { Dataset } from '../../data/dataset.ts';
import { UserError } from '../../errors.ts';
import type { Arm, SearchProtocol, StudyPlan } from '../../runs/study.ts';
import { dataFacts, makePlan } from '../study/plan.ts';
import { protocolOf } from '../study/protocol.ts';
import type { Trial } from './trials.ts';

/** First seed of a search: beyond those of any study, and of its A/A runs. */
export const firstSearchSeed = 2_000_000;

const ownSeeds = ({ seeds }: SearchBlock): number[] =>
  typeof seeds === 'number' ? Array.from({ length: seeds }, (_, i) => firstSearchSeed + i) : [...new Set(seeds)];

/** The seeds of the trials that are among `taken`. */
export const measuredSeeds = (search: SearchBlock, taken: readonly number[]): number[] =>
  ownSeeds(search).filter((seed) => taken.includes(seed));

/** The seeds of the trials, none of which is one of `taken`. */
export function searchSeeds(search: SearchBlock, taken: readonly number[]): number[] {
  const both = measuredSeeds(search, taken);
  if (both.length === 0) return ownSeeds(search);
  throw new UserError(`hyperparameters would be chosen on seeds that are measured too: ${both.join(', ')}`, {
    remedy: 'give study.search.seeds a number, or seeds that the study and its A/A arm (seed + 1000000) do not have',
  });
}

export const searchProtocol = (
  { design, budget, holdOut, space, line }: SearchBlock,
  seeds: readonly number[],
): SearchProtocol => ({
  design,
  budget,
  seeds,
  holdOut,
  space: Object.fromEntries(Object.entries(space).map(([key, range]) => [key, rangeText(range)])),
  line,
});

/** Each trial as an arm, on data that a part of the training images is held out of. */
export const trialPlan = (
  study: string,
  trials: readonly Trial[],
  seeds: readonly number[],
  heldOut: Dataset,
): StudyPlan =>
  makePlan({
    study,
    arms: trials.map(({ name, experiment }): Arm => ({
      name,
      kind: 'named',
      components: [],
      experiment,
      reference: null,
    })),
    seeds,
    fingerprint: heldOut.fingerprint,
    reference: trials[0]!.name,
    facts: dataFacts(heldOut),
  });

/** The plan with these arms instead of its own. */
export const withArms = (
  { study, seeds, fingerprint, reference, facts, protocol }: StudyPlan,
  arms: readonly Arm[],
): StudyPlan =>
  makePlan({ study, arms, seeds, fingerprint, reference, ...(facts && { facts }), ...(protocol && { protocol }) });

/** The plan with what it searches, and on which seeds, declared. */
export const withSearch = (plan: StudyPlan, search: SearchBlock): StudyPlan => ({
  ...plan,
  protocol: {
    ...protocolOf(plan),
    search: searchProtocol(
      search,
      searchSeeds(
        search,
        plan.runs.map(({ seed }) => seed),
      ),
    ),
  },
});
