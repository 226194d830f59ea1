/** What was checked when a study started: `checks.json` in its folder. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, writeAtomic } from './atomic.ts';
import { studyFiles } from './layout.ts';
import { toJson } from './metrics.ts';
import { readJson } from './read.ts';
import { checked, checksShape } from './shapes.ts';

/** Whether the optimizer with every component off computes what AdamW computes. */
export interface OffAllGate {
  readonly steps: number;
  /** Largest absolute difference of a weight after those steps. */
  readonly largestDifference: number;
  /** Largest difference that passes: 0 where the backend repeats its sums. */
  readonly tolerance: number;
  readonly passed: boolean;
}

/** How long forward and backward pass of a step take together. */
export interface GradientTime {
  /** Median over a few steps. */
  readonly ms: number;
  /** What it was measured on; runs of other hardware have other times. */
  readonly hardware: string;
}

export interface StudyChecks {
  readonly schema: 1;
  readonly offAll: OffAllGate;
  readonly gradient?: GradientTime;
  /** SHA-256 of the training code that was checked; absent in older folders. */
  readonly code?: string;
  /** ISO 8601, UTC. */
  readonly checkedAt: string;
}

/** Undefined where the study was never checked; a UserError where the file is not what was written. */
export async function readChecks(dir: string): Promise<StudyChecks | undefined> {
  const path = join(dir, studyFiles.checks);
  return existsSync(path) ? (checked(await readJson(path), checksShape, path) as StudyChecks) : undefined;
}

export async function writeChecks(dir: string, checks: StudyChecks): Promise<void> {
  try {
    await mkdir(dir, { recursive: true });
  } catch (cause) {
    throw fileError(dir, cause);
  }
  await writeAtomic(join(dir, studyFiles.checks), `${toJson(checks, 2)}\n`);
}
