/** Gives the arms of a study the hyperparameters that its tier asks for, before any of them is measured. */
import type { SearchBlock } from '../config/search.ts';
import { protocolOf } from '../experiment/study/protocol.ts';
import { checkBudgets } from '../experiment/search/budgets.ts';
import { searchSeeds, withArms } from '../experiment/search/trialPlan.ts';
import { trialCounts, tunedArms } from '../experiment/search/tunedArms.ts';
import { planFor } from '../experiment/train.ts';
import { armText } from '../report/ledgerText.ts';
import type { StudyPlan } from '../runs/study.ts';
import { readLedger, tuningDir, type TrialRecord } from '../runs/tuning.ts';
import { seconds } from './progress.ts';
import {
  heldOutData,
  keepLedger,
  keptTrials,
  ledgerOf,
  ledgerPath,
  plannedTrials,
  readTrials,
  trainTrials,
  type Search,
  type SearchEnd,
} from './searchStages.ts';
import type { StudyOptions } from './trainStudy.ts';

/** A study whose tier asks for a search. */
async function searchOf(dir: string, plan: StudyPlan, block: SearchBlock, remedy: string | undefined): Promise<Search> {
  const { tier } = protocolOf(plan);
  const heldOut = await heldOutData(plan.arms[0]!.experiment.dataset, block);
  const taken = plan.runs.map(({ seed }) => seed);
  return {
    study: `${plan.study}-tuning`,
    tier: tier === 'T0' ? null : tier,
    dir,
    block,
    seeds: searchSeeds(block, taken),
    heldOut,
    remedy,
  };
}

/** The plan with tuned arms; undefined where the search did not come to its end, which `end` tells about. */
export async function tuneStudy(
  dir: string,
  plan: StudyPlan,
  block: SearchBlock,
  options: StudyOptions,
  remedy: string | undefined,
): Promise<{ readonly plan: StudyPlan | undefined; readonly end: SearchEnd | undefined }> {
  const search = await searchOf(dir, plan, block, remedy);
  const before = await readLedger(dir);
  const all: TrialRecord[] = [];
  let last: SearchEnd | undefined;
  const { arms, records } = await tunedArms(plan, block, async (stage, trials) => {
    const folder = tuningDir(dir, stage);
    const kept = keptTrials(search, folder, trials, before);
    const { records, end } = kept
      ? { records: kept, end: undefined }
      : await trainTrials(search, folder, trials, options);
    all.push(...records);
    last = end ?? last;
    await keepLedger(dir, ledgerOf(search, all));
    return records;
  });
  for (const record of records) console.error(armText(record));
  const { tier } = protocolOf(plan);
  const state = arms ? `tuned by ${tier}` : `tuning by ${tier} is not complete, and the same command goes on`;
  console.error(`ranger21: ${state} → ${ledgerPath(dir)}`);
  const tuned = arms && withArms(plan, arms);
  if (tuned) checkBudgets(tuned);
  return { plan: tuned, end: last };
}

export interface TuningPreview {
  readonly tier: string;
  /** Trials of each arm, by search and along a line of the learning rate. */
  readonly trials: {
    readonly search: Readonly<Record<string, number>>;
    readonly line: Readonly<Record<string, number>>;
  };
  readonly space: Readonly<Record<string, string>>;
  readonly design: string;
  readonly seeds: readonly number[];
  readonly images: { readonly train: number; readonly heldOut: number };
  readonly runs: number;
  readonly missing: number;
  readonly stepsPerRun: number;
}

/** What tuning would cost, and the plan with tuned arms where it is done; trains and writes nothing. */
export async function previewTuning(
  dir: string,
  plan: StudyPlan,
  block: SearchBlock,
  remedy: string | undefined,
): Promise<{ readonly plan: StudyPlan | undefined; readonly preview: TuningPreview }> {
  const search = await searchOf(dir, plan, block, remedy);
  const trials = trialCounts(plan, block);
  const perArm = [...Object.values(trials.search), ...Object.values(trials.line)];
  const runs = perArm.reduce((sum, count) => sum + count, 0) * search.seeds.length;
  const before = await readLedger(dir);
  let done = 0;
  const { arms } = await tunedArms(plan, block, async (stage, wanted) => {
    const folder = tuningDir(dir, stage);
    const records =
      keptTrials(search, folder, wanted, before) ??
      (await readTrials(search, folder, wanted, await plannedTrials(search, folder, wanted)));
    done += records.flatMap((record) => record.runs).filter(({ steps }) => steps > 0).length;
    return records;
  });
  const { search: protocol, data } = ledgerOf(search, []);
  const preview = {
    tier: protocolOf(plan).tier,
    trials,
    space: protocol.space,
    design: protocol.design,
    seeds: search.seeds,
    images: { train: data.train, heldOut: data.heldOut },
    runs,
    missing: runs - done,
    stepsPerRun: planFor(plan.arms[0]!.experiment, search.heldOut).totalSteps,
  };
  return { plan: arms && withArms(plan, arms), preview };
}

export function tuningText(
  { tier, trials, space, design, seeds, images, ...cost }: TuningPreview,
  msPerStep: number,
): string {
  const list = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .map(([arm, count]) => `${arm} ${count}`)
      .join(', ');
  const ranges = Object.entries(space).map(([key, range]) => `  ${key}  ${range}`);
  return [
    `tuning (${tier}), before the study's own runs:`,
    ...(Object.keys(trials.search).length > 0 ? [`trials (${design}): ${list(trials.search)}`, ...ranges] : []),
    ...(Object.keys(trials.line).length > 0 ? [`learning rates along a line: ${list(trials.line)}`] : []),
    `seeds ${seeds.join(', ')} · ${images.train} training images, scored on ${images.heldOut} others of the training set`,
    `${cost.missing} of ${cost.runs} runs to train · ${cost.stepsPerRun} steps each · about ` +
      `${seconds((cost.missing * cost.stepsPerRun * msPerStep) / 1000)}, evaluation aside`,
  ].join('\n');
}
