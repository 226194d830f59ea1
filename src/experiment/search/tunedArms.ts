/** The arms of a study with the hyperparameters that its tier gives them. */
import { hyperValue, withHyperparameters, type Hyperparameters } from '../../config/hyperparameters.ts';
import type { Experiment } from '../../config/schema.ts';
import type { SearchBlock } from '../../config/search.ts';
import type { Arm, StudyPlan, Tuning } from '../../runs/study.ts';
import type { ArmRecord, TrialRecord } from '../../runs/tuning.ts';
import { protocolOf, referenceOf } from '../study/protocol.ts';
import { headsOf } from './budgets.ts';
import { ledgerArms } from './ledger.ts';
import { lineTrials, lrKey, searchTrials, type Trial } from './trials.ts';

/** Trains the trials of one stage, as far as they are not trained, and scores them. */
export type TrainTrials = (stage: Trial['by'], trials: readonly Trial[]) => Promise<readonly TrialRecord[]>;

export interface TunedArms {
  /** Undefined while a trial is unfinished. */
  readonly arms: readonly Arm[] | undefined;
  readonly records: readonly ArmRecord[];
  readonly trials: readonly TrialRecord[];
}

/**
 * T1: each headline arm (the full optimizer, the baselines, and the arm that the full one is compared with) gets the values
 * of its best trial, all having had equally many. An arm that leaves something out of a headline arm, or adds something to
 * it, inherits that arm's values; where the change scales the step, its learning rate comes from a line about them.
 *
 * T2: every arm gets the best learning rate of a line about the study's, the same for all.
 *
 * Controls inherit from the full optimizer, which they repeat. An arm whose `tuned` says that it was tuned elsewhere is left
 * alone, and so is a learning rate that an arm of the user's own sets.
 *
 * The protocol this follows lets added components inherit from the full optimizer too; here they inherit from the baseline
 * they are compared with, or the two learning rates would be part of what the component is credited with.
 */
export async function tunedArms(plan: StudyPlan, search: SearchBlock, train: TrainTrials): Promise<TunedArms> {
  return protocolOf(plan).tier === 'T2' ? linedArms(plan, search, train) : searchedArms(plan, search, train);
}

async function searchedArms(plan: StudyPlan, search: SearchBlock, train: TrainTrials): Promise<TunedArms> {
  const heads = headsOf(plan).filter(({ tuning }) => tuning === undefined);
  const trials = heads.flatMap(({ name, experiment }) => searchTrials(name, experiment, search));
  const searched = ledgerArms(trials.length === 0 ? [] : await train('search', trials));
  const headRecords = searched.arms;
  if (headRecords.some(({ best }) => best === null))
    return { arms: undefined, records: headRecords, trials: searched.trials };

  const settled = plan.arms.map((arm) => {
    const record = headRecords.find((head) => head.arm === arm.name);
    return record ? tuned(arm, record) : inherited(arm, rootOf(plan, arm), headRecords);
  });
  const rescaled = settled.filter((_, i) => isLined(plan, plan.arms[i]!));
  const lines = rescaled.flatMap(({ name, experiment }) => lineTrials(name, experiment, search));
  const lined = ledgerArms(lines.length === 0 ? [] : await train('line', lines));
  return {
    arms: withLines(settled, lined.arms),
    records: [...headRecords, ...lined.arms],
    trials: [...searched.trials, ...lined.trials],
  };
}

async function linedArms(plan: StudyPlan, search: SearchBlock, train: TrainTrials): Promise<TunedArms> {
  const own = plan.arms.filter(isLinedInT2);
  const lines = own.flatMap(({ name, experiment }) => lineTrials(name, experiment, search));
  const { arms: records, trials } = ledgerArms(await train('line', lines));
  const arms = withLines(plan.arms, records)?.map((arm) =>
    arm.kind === 'control' ? inherited(arm, rootOf(plan, arm), records) : arm,
  );
  return { arms, records, trials };
}

/** Undefined while a line is unfinished. */
function withLines(arms: readonly Arm[], records: readonly ArmRecord[]): readonly Arm[] | undefined {
  if (records.some(({ best }) => best === null)) return undefined;
  const own = arms.map((arm) => {
    const record = records.find(({ arm: name }) => name === arm.name);
    return record ? tuned(arm, record) : arm;
  });
  return withTwins(own);
}

/** How many trials a study's arms take, by stage, before any is trained. */
export function trialCounts(
  plan: StudyPlan,
  search: SearchBlock,
): Readonly<Record<Trial['by'], Readonly<Record<string, number>>>> {
  const isT2 = protocolOf(plan).tier === 'T2';
  const line = new Set(search.line).size;
  const heads = isT2 ? [] : headsOf(plan).filter(({ tuning }) => tuning === undefined);
  const lined = plan.arms.filter((arm) => (isT2 ? isLinedInT2(arm) : isLined(plan, arm)));
  return {
    search: Object.fromEntries(heads.map(({ name }) => [name, search.budget])),
    line: Object.fromEntries(lined.map(({ name }) => [name, line])),
  };
}

/** The headline arm that an arm was made from: that which it, or what it is compared with, is compared with. */
function rootOf(plan: StudyPlan, arm: Arm): Arm {
  const heads = headsOf(plan);
  let at: Arm | undefined = arm;
  for (let hops = 0; at && !heads.includes(at) && hops < plan.arms.length; hops++) at = referenceOf(plan, at);
  return (at && heads.includes(at) ? at : heads.find(({ kind }) => kind === 'full')) ?? arm;
}

/** Whether the arm's steps have another scale than its root's, which the root's learning rate does not suit. */
function isLined(plan: StudyPlan, arm: Arm): boolean {
  if (!['without', 'with', 'named'].includes(arm.kind) || headsOf(plan).includes(arm)) return false;
  if (arm.tuning || arm.sameAs !== undefined) return false;
  const root = rootOf(plan, arm).experiment.optimizer;
  const { lr, core, components } = arm.experiment.optimizer;
  const differs = (name: 'agc' | 'gradnorm' | 'pnm' | 'softplus') =>
    (components[name] === false) !== (root.components[name] === false);
  const isRescaled = core.name !== root.core.name || (['agc', 'gradnorm', 'pnm', 'softplus'] as const).some(differs);
  return isRescaled && lr === root.lr;
}

const isLinedInT2 = ({ kind, tuning, sameAs }: Arm): boolean =>
  kind !== 'control' && tuning === undefined && sameAs === undefined;

/** An arm that stands for another's runs has its hyperparameters too. */
const withTwins = (arms: readonly Arm[]): readonly Arm[] =>
  arms.map((arm) => {
    const trained = arms.find(({ name }) => name === arm.sameAs);
    if (!trained) return arm;
    const { tuning, inherits, experiment } = trained;
    return { ...arm, experiment, ...(tuning && { tuning }), ...(inherits !== undefined && { inherits }) };
  });

const tuned = (arm: Arm, record: ArmRecord): Arm => ({
  ...arm,
  experiment: withHyperparameters(arm.experiment, record.values, arm.name),
  tuning: tuningOf(record),
});

const tuningOf = ({ budget, edges, by, failed, lrRange }: ArmRecord): Tuning => ({
  trials: budget,
  edge: edges.some(({ key }) => key === lrKey),
  by,
  edges: edges.map(({ key }) => key),
  failed,
  ...(lrRange && { lrRange }),
});

/** With the root's best values, where the arm had the root's values before. */
function inherited(arm: Arm, root: Arm, records: readonly ArmRecord[]): Arm {
  const best = records.find((record) => record.arm === root.name);
  if (!best || arm.tuning) return arm;
  const values = Object.fromEntries(
    Object.entries(best.values).filter(([key]) => isShared(key, arm.experiment, root.experiment)),
  ) satisfies Hyperparameters;
  if (Object.keys(values).length === 0) return arm;
  return { ...arm, experiment: withHyperparameters(arm.experiment, values, arm.name), inherits: root.name };
}

const isShared = (key: string, arm: Experiment, root: Experiment): boolean => {
  const own = hyperValue(arm, key);
  return own !== undefined && own === hyperValue(root, key);
};
