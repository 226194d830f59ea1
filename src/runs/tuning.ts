/** The ledger of a search: every trial, what it scored and what it cost. `tuning.json` and `tuning.csv` in a study's folder. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { HyperValue } from '../config/search.ts';
import { fileError, writeAtomic } from './atomic.ts';
import { toJson } from './metrics.ts';
import { readJson } from './read.ts';
import { checked } from './shapes.ts';
import type { Shape } from './shape.ts';
import type { RunState } from './statuses.ts';
import type { SearchProtocol } from './study.ts';

/** One run of a trial. Its folder is below the ledger's. */
export interface TrialRun {
  readonly seed: number;
  readonly id: string;
  readonly path: string;
  readonly state: RunState;
  /** Of the images held out, at the last step; null where the run did not complete. */
  readonly top1: number | null;
  readonly loss: number | null;
  readonly steps: number;
}

export interface TrialRecord {
  readonly arm: string;
  readonly trial: string;
  /** `line`: along the learning rate alone. */
  readonly by: 'search' | 'line';
  readonly values: Readonly<Record<string, HyperValue>>;
  /** Where each value lies in its range, 0 … 1. */
  readonly places: Readonly<Record<string, number>>;
  /** `failed`: no run completed; it counts as tried all the same. */
  readonly status: 'scored' | 'failed' | 'unfinished';
  /** Mean over the seeds, a run that failed or ran out of time at the accuracy of guessing; null while a run is missing. */
  readonly score: number | null;
  readonly loss: number | null;
  readonly isBest: boolean;
  readonly runs: readonly TrialRun[];
}

/** What the search of one arm cost and found. */
export interface ArmRecord {
  readonly arm: string;
  readonly by: 'search' | 'line';
  /** Trials it was given, those that are finished, and those of which no run completed. */
  readonly budget: number;
  readonly finished: number;
  readonly failed: number;
  readonly runs: number;
  /** Training steps of all its runs. */
  readonly steps: number;
  /** The best trial, once all are finished. */
  readonly best: string | null;
  readonly values: Readonly<Record<string, HyperValue>>;
  readonly score: number | null;
  /** Hyperparameters whose best value lies at an edge of what was searched. */
  readonly edges: readonly { readonly key: string; readonly end: 'low' | 'high' }[];
  /** Of a line: the lowest and highest learning rate around the best that score within half a point of it. */
  readonly lrRange: readonly [number, number] | null;
}

export interface Ledger {
  readonly schema: 1;
  readonly study: string;
  /** Null for a sweep, which tunes no study. */
  readonly tier: 'T1' | 'T2' | null;
  readonly search: SearchProtocol;
  /** What the trials train on and are scored on. */
  readonly data: { readonly fingerprint: string; readonly train: number; readonly heldOut: number };
  readonly arms: readonly ArmRecord[];
  readonly trials: readonly TrialRecord[];
}

export const tuningFiles = { json: 'tuning.json', csv: 'tuning.csv', folder: 'tuning' } as const;

/** The search's own runs, inside the study's folder. */
export const tuningDir = (dir: string, stage: 'search' | 'line'): string => join(dir, tuningFiles.folder, stage);

const ledgerShape: Shape = {
  schema: new Set([1]),
  study: 'text',
  tier: new Set(['T1', 'T2', null]),
  search: { design: 'text', budget: 'count', seeds: ['count'], holdOut: 'number', space: 'map', line: ['number'] },
  data: { fingerprint: 'text', train: 'count', heldOut: 'count' },
  arms: [
    {
      arm: 'text',
      by: new Set(['search', 'line']),
      budget: 'count',
      finished: 'count',
      failed: 'count',
      runs: 'count',
      steps: 'count',
      best: [null, 'text'],
      values: 'map',
      score: [null, 'number'],
      edges: [{ key: 'text', end: new Set(['low', 'high']) }],
      lrRange: [null, ['number']],
    },
  ],
  trials: [
    {
      arm: 'text',
      trial: 'text',
      by: new Set(['search', 'line']),
      values: 'map',
      places: 'numbers',
      status: new Set(['scored', 'failed', 'unfinished']),
      score: [null, 'number'],
      loss: [null, 'number'],
      isBest: 'boolean',
      runs: [
        {
          seed: 'count',
          id: 'text',
          path: 'text',
          state: 'text',
          top1: [null, 'number'],
          loss: [null, 'number'],
          steps: 'count',
        },
      ],
    },
  ],
};

/** The ledger in a study's folder; undefined where nothing was searched. */
export async function readLedger(dir: string): Promise<Ledger | undefined> {
  const path = join(dir, tuningFiles.json);
  return existsSync(path) ? (checked(await readJson(path), ledgerShape, path) as Ledger) : undefined;
}

export async function writeLedger(dir: string, ledger: Ledger, csv: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true });
  } catch (cause) {
    throw fileError(dir, cause);
  }
  await writeAtomic(join(dir, tuningFiles.csv), csv);
  await writeAtomic(join(dir, tuningFiles.json), `${toJson(ledger, 2)}\n`);
}
