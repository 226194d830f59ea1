/** A study's folder: the frozen plan and the tables made from its results. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Experiment } from '../config/schema.ts';
import { UserError } from '../errors.ts';
import { fileError, writeAtomic } from './atomic.ts';
import { studyFiles, studyRunPath } from './layout.ts';
import { toJson } from './metrics.ts';
import { readJson } from './read.ts';

/** What an arm is for. `without` leaves components out of the full optimizer, `with` adds one to a baseline. */
export type ArmKind = 'full' | 'without' | 'baseline' | 'with';

/** A named experiment in a study. */
export interface Arm {
  readonly name: string;
  readonly kind: ArmKind;
  /** The components that `without` leaves out or `with` adds. */
  readonly components: readonly string[];
  readonly experiment: Experiment;
}

export interface PlannedRun {
  readonly arm: string;
  readonly seed: number;
  readonly id: string;
  /** Folder, below the study's. */
  readonly path: string;
}

/** The content of `plan.json`: arms × seeds, fixed before the first run. */
export interface StudyPlan {
  readonly schema: 1;
  readonly study: string;
  /** The arm that the others are compared with. */
  readonly reference: string;
  /** SHA-256 of the training data's bytes. */
  readonly fingerprint: string;
  readonly seeds: readonly number[];
  readonly arms: readonly Arm[];
  /** In the order to train them: every arm of the first seed, then of the next. */
  readonly runs: readonly PlannedRun[];
  /** What was added after the plan was first written, and when (ISO 8601, UTC). */
  readonly additions: readonly { readonly at: string; readonly arms: readonly string[]; readonly seeds: readonly number[] }[];
}

export const hasPlan = (dir: string): boolean => existsSync(join(dir, studyFiles.plan));

export async function readPlan(dir: string): Promise<StudyPlan> {
  const path = join(dir, studyFiles.plan);
  const plan = (await readJson(path)) as Partial<StudyPlan> | null;
  const isPlan =
    plan?.schema === 1 &&
    [plan.arms, plan.runs, plan.seeds].every((list) => Array.isArray(list) && list.length > 0) &&
    plan.runs!.every(isPlannedRun);
  if (isPlan) return plan as StudyPlan;
  throw new UserError(`${path} is not a plan`, { remedy: 'it was altered, or written by another version of ranger21' });
}

/** Whether the folder is the one that arm, seed and id give: nothing is read or written elsewhere. */
const isPlannedRun = ({ arm, seed, id, path }: Partial<PlannedRun>): boolean =>
  arm !== undefined && seed !== undefined && id !== undefined && path === studyRunPath(arm, seed, id);

/** Writes `plan.json`, making the study's folder where there is none. */
export async function writePlan(dir: string, plan: StudyPlan): Promise<void> {
  try {
    await mkdir(dir, { recursive: true });
  } catch (cause) {
    throw fileError(dir, cause);
  }
  await writeAtomic(join(dir, studyFiles.plan), `${toJson(plan, 2)}\n`);
}

/** Writes `table.json`, `table.md` and so on beside the plan: one text for each extension. */
export async function writeTables(dir: string, texts: Readonly<Record<string, string>>): Promise<void> {
  for (const [extension, text] of Object.entries(texts)) {
    await writeAtomic(join(dir, `${studyFiles.table}.${extension}`), text);
  }
}
