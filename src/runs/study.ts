/** A study's folder: the frozen plan and the tables made from its results. */
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Experiment } from '../config/schema.ts';
import { UserError } from '../errors.ts';
import { fileError, writeAtomic } from './atomic.ts';
import { studyFiles } from './layout.ts';
import type { Chance, LabelCounts } from './metrics.ts';
import { planProblem } from './planShape.ts';
import { readJson } from './read.ts';
import { sealed, unsealed } from './seal.ts';

/**
 * What an arm is for. `without` leaves components out of the full optimizer, `with` adds some to a baseline; `screen` is a
 * run of a screening design, `named` an arm of the user's own, `control` one that should show no difference.
 */
export type ArmKind = 'full' | 'without' | 'baseline' | 'with' | 'screen' | 'named' | 'control';

/** Arms whose tests are corrected together. */
export type Family =
  'headline' | 'leave one out' | 'add one in' | 'ladder' | 'pairs' | 'screening' | 'named' | 'controls';

/** How the hyperparameters of a tuned arm were found. */
export interface Tuning {
  readonly trials: number;
  /** Whether the best learning rate lies at the edge of the range that was searched. */
  readonly edge: boolean;
  /** `line`: along the learning rate alone, the others inherited. Absent where the user says it was tuned elsewhere. */
  readonly by?: 'search' | 'line';
  /** The hyperparameters whose best value lies at an edge, the learning rate among them. */
  readonly edges?: readonly string[];
  /** Trials of which every run failed or ran out of time. */
  readonly failed?: number;
  /** Lowest and highest learning rate of the line that score within half a point of the best. */
  readonly lrRange?: readonly [number, number];
}

/** How hyperparameters are chosen, in every arm alike. */
export interface SearchProtocol {
  readonly design: string;
  /** Trials an arm that is searched. */
  readonly budget: number;
  readonly seeds: readonly number[];
  /** Share of the training images that the trials are scored on. */
  readonly holdOut: number;
  /** Each hyperparameter with its range, as text. */
  readonly space: Readonly<Record<string, string>>;
  /** Factors of the learning rate along a line of it. */
  readonly line: readonly number[];
}

/** A named experiment in a study. */
export interface Arm {
  readonly name: string;
  readonly kind: ArmKind;
  /** The components that `without` leaves out or `with` adds, or that are on in a `screen`. */
  readonly components: readonly string[];
  readonly experiment: Experiment;
  /** The arm it is compared with; null for none, absent where its kind says which. */
  readonly reference?: string | null;
  readonly family?: Family;
  /** Its seeds, where they are not the plan's. */
  readonly seeds?: readonly number[];
  /** Its run for seed s of the plan trains with seed s + this, so that it shares nothing with the other arms. */
  readonly seedOffset?: number;
  readonly tuning?: Tuning;
  /** The arm whose tuned hyperparameters it has. */
  readonly inherits?: string;
  /** The arm whose runs are this one's too: the same configuration, compared with another arm. */
  readonly sameAs?: string;
}

export interface PlannedRun {
  readonly arm: string;
  readonly seed: number;
  readonly id: string;
  /** Folder, below the study's. */
  readonly path: string;
}

/** The data set as the arms see it. */
export interface DataFacts {
  /** Height, width and channels of an image. */
  readonly shape: readonly number[];
  readonly classes: number;
  /** Images. */
  readonly train: number;
  readonly test: number;
  /** Both absent in older plans, whose chances are ln C and 1/C. */
  readonly labels?: LabelCounts;
  /** What follows from the labels, without label smoothing. */
  readonly chance?: Chance;
}

/** What is declared before the first run, so that no result can choose it. Shares are 0 … 1: 0.002 is 0.2 points. */
export interface Protocol {
  /** Error rate of the tests, after Holm's correction within a family. */
  readonly alpha: number;
  /** Differences of top-1 below this count as none: a share. */
  readonly delta: number;
  /** Held-out top-1 whose first step is the time to target; absent: the headline arm's median final one. */
  readonly target?: number;
  /** T0: hyperparameters shared by all arms, T1: the same search budget for each headline arm, T2: whole lr lines. */
  readonly tier: 'T0' | 'T1' | 'T2';
  /** Absent for T0. */
  readonly search?: SearchProtocol;
  /** The arm that the full optimizer is compared with. */
  readonly headline: string;
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
  /** Absent in plans of version 0.1. */
  readonly facts?: DataFacts;
  readonly protocol?: Protocol;
  /** Options of the reference arm that are not those of the semantics it names: `gradnorm.passes 1`. Absent in plans of version 0.1. */
  readonly changedOptions?: readonly string[];
  readonly arms: readonly Arm[];
  /** In the order to train them: every arm of the first seed, then of the next. */
  readonly runs: readonly PlannedRun[];
  /** What was added after the plan was first written, and when (ISO 8601, UTC). */
  readonly additions: readonly {
    readonly at: string;
    readonly arms: readonly string[];
    readonly seeds: readonly number[];
  }[];
}

export const hasPlan = (dir: string): boolean => existsSync(join(dir, studyFiles.plan));

/** The plan, checked: nothing is read or written elsewhere than in the folders its arms, seeds and ids give. */
export const readPlan = (dir: string): Promise<StudyPlan> => readPlanFile(join(dir, studyFiles.plan));

/** The plan in a file, wherever it lies. */
export async function readPlanFile(path: string): Promise<StudyPlan> {
  const { value: plan, isAltered } = unsealed(await readJson(path));
  const problem = planProblem(plan);
  if (problem !== undefined) {
    throw new UserError(`${path} is not a plan: ${problem}`, {
      remedy: 'it was altered, or written by another version of ranger21',
    });
  }
  if (isAltered) {
    throw new UserError(`${path} is not the plan that was written: it was altered`, {
      remedy: 'put back a copy of it as it was; of a plan that you edited before any run was trained, remove its `sum`',
    });
  }
  return plan as StudyPlan;
}

/** Writes `plan.json`, making the study's folder where there is none. */
export async function writePlan(dir: string, plan: StudyPlan): Promise<void> {
  try {
    await mkdir(dir, { recursive: true });
  } catch (cause) {
    throw fileError(dir, cause);
  }
  await writePlanFile(join(dir, studyFiles.plan), plan);
}

export const writePlanFile = (path: string, plan: StudyPlan): Promise<void> => writeAtomic(path, sealed(plan));

/** Writes `table.json`, `table.md` and so on beside the plan: one text for each extension. */
export async function writeTables(dir: string, texts: Readonly<Record<string, string>>): Promise<void> {
  for (const [extension, text] of Object.entries(texts)) {
    await writeAtomic(join(dir, `${studyFiles.table}.${extension}`), text);
  }
}

/** The texts of the tables with these extensions that are there. */
export async function readTables(dir: string, extensions: readonly string[]): Promise<Record<string, string>> {
  const paths = extensions.map((extension) => [extension, join(dir, `${studyFiles.table}.${extension}`)] as const);
  const there = paths.filter(([, path]) => existsSync(path));
  return Object.fromEntries(
    await Promise.all(there.map(async ([extension, path]) => [extension, await readFile(path, 'utf8')] as const)),
  );
}
