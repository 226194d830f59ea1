/** Trains the trials of a search, or reads what is there, and keeps its ledger. */
import { join, relative } from 'node:path';
import type { Experiment } from '../config/schema.ts';
import type { SearchBlock } from '../config/search.ts';
import type { Dataset } from '../data/dataset.ts';
import { continuePlan } from '../experiment/study/plan.ts';
import { ledgerArms, scoredTrials } from '../experiment/search/ledger.ts';
import { searchProtocol, trialPlan } from '../experiment/search/trialPlan.ts';
import type { Trial } from '../experiment/search/trials.ts';
import type { StudyEnd } from '../experiment/study/study.ts';
import { missingRuns } from '../experiment/study/study.ts';
import { chanceOf } from '../experiment/table/outcomes.ts';
import { ledgerCsv } from '../report/ledgerText.ts';
import { listStudy, type RunEntry } from '../runs/list.ts';
import { changePlan } from '../runs/planLock.ts';
import { hasPlan, readPlan, type StudyPlan } from '../runs/study.ts';
import { writeLedger, type Ledger, type TrialRecord } from '../runs/tuning.ts';
import { loadDataset } from './loadDataset.ts';
import { tellSchedule } from './tellSchedule.ts';
import { trainStudy, type StudyOptions } from './trainStudy.ts';

export interface Search {
  readonly study: string;
  readonly tier: Ledger['tier'];
  /** The study's folder, which the ledger is written to. */
  readonly dir: string;
  readonly block: SearchBlock;
  readonly seeds: readonly number[];
  readonly heldOut: Dataset;
  /** What to do where the trials were planned differently. */
  readonly remedy: string | undefined;
}

export const heldOutData = (dataset: Experiment['dataset'], { holdOut }: SearchBlock): Promise<Dataset> =>
  loadDataset({ ...dataset, holdOut });

/** The plan of trials whose runs lie in `folder`: the frozen one with what is new, where there is one. */
export async function plannedTrials(
  { study, seeds, heldOut, remedy }: Search,
  folder: string,
  trials: readonly Trial[],
): Promise<StudyPlan> {
  const requested = trialPlan(study, trials, seeds, heldOut);
  return hasPlan(folder)
    ? continuePlan(await readPlan(folder), requested, new Date().toISOString(), remedy)
    : requested;
}

/** What the trials scored so far. */
export async function readTrials(
  search: Search,
  folder: string,
  trials: readonly Trial[],
  plan: StudyPlan,
): Promise<TrialRecord[]> {
  const entries: readonly RunEntry[] = hasPlan(folder) ? await listStudy(search.dir, folder) : [];
  const chance = chanceOf(plan) ?? 1 / search.heldOut.classes;
  return scoredTrials(trials, plan, entries, { chance, folder: relative(search.dir, folder).replaceAll('\\', '/') });
}

/**
 * The trials as the ledger tells them, where their runs are there no more: a study that was published without them is not tuned
 * again. The ids of the runs say that they would be the same.
 */
export function keptTrials(
  search: Search,
  folder: string,
  trials: readonly Trial[],
  ledger: Ledger | undefined,
): readonly TrialRecord[] | undefined {
  if (hasPlan(folder) || ledger === undefined) return undefined;
  const { runs } = trialPlan(search.study, trials, search.seeds, search.heldOut);
  const kept = trials.flatMap(({ name }) => ledger.trials.filter(({ trial }) => trial === name));
  const ids = kept.filter(({ status }) => status !== 'unfinished').flatMap((record) => record.runs.map(({ id }) => id));
  return ids.length === runs.length && runs.every(({ id }) => ids.includes(id)) ? kept : undefined;
}

export type SearchEnd = StudyEnd & { readonly signalCode: number | undefined };

/** Trains what is missing of the trials, and freezes their plan before. */
export async function trainTrials(
  search: Search,
  folder: string,
  trials: readonly Trial[],
  options: StudyOptions,
): Promise<{ readonly records: TrialRecord[]; readonly end: SearchEnd | undefined }> {
  const requested = trialPlan(search.study, trials, search.seeds, search.heldOut);
  const plan = await changePlan(folder, (frozen) =>
    frozen ? continuePlan(frozen, requested, new Date().toISOString(), search.remedy) : requested,
  );
  const isDone = missingRuns(folder, plan).length === 0;
  if (!isDone) tellSchedule(plan.arms, search.heldOut.train.count);
  const end = isDone ? undefined : await trainStudy(folder, plan, search.heldOut, options);
  return { records: await readTrials(search, folder, trials, plan), end };
}

export function ledgerOf({ study, tier, block, seeds, heldOut }: Search, records: readonly TrialRecord[]): Ledger {
  const { fingerprint, train, test } = heldOut;
  return {
    schema: 1,
    study,
    tier,
    search: searchProtocol(block, seeds),
    data: { fingerprint, train: train.count, heldOut: test.count },
    ...ledgerArms(records),
  };
}

export const keepLedger = (dir: string, ledger: Ledger): Promise<void> => writeLedger(dir, ledger, ledgerCsv(ledger));

/** Where the ledger is, for the user. */
export const ledgerPath = (dir: string): string => join(dir, 'tuning.json');
