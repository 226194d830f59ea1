/** Reading back what a run wrote beside its result. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import type { Environment } from './env.ts';
import { runFiles } from './layout.ts';
import type { EvalMetrics, LinesHeader, StepMetrics } from './metrics.ts';
import { fromJson, parseLines } from './metrics.ts';

/** Why an attempt ended without a result; the content of `attempt.json`. */
export interface Attempt {
  readonly schema: 1;
  readonly status: 'interrupted' | 'failed';
  readonly reason: string;
  /** ISO 8601, UTC. */
  readonly endedAt: string;
}

export const readEnv = async (dir: string): Promise<Environment> =>
  (await readRecord(join(dir, runFiles.env))) as Environment;

export const readAttempt = async (dir: string): Promise<Attempt> =>
  (await readRecord(join(dir, runFiles.attempt))) as Attempt;

export interface RunLogs {
  readonly steps: StepMetrics[];
  readonly evaluations: EvalMetrics[];
}

/** What a run wrote step by step, as far as it came; a line cut short by a kill is left out. */
export async function readLogs(dir: string): Promise<RunLogs> {
  const [steps, evaluations] = await Promise.all([
    readLines<StepMetrics>(join(dir, runFiles.steps), 'steps'),
    readLines<EvalMetrics>(join(dir, runFiles.evaluations), 'evaluations'),
  ]);
  return { steps, evaluations };
}

async function readLines<Row extends { readonly step: number }>(path: string, kind: LinesHeader['kind']): Promise<Row[]> {
  return existsSync(path) ? parseLines<Row>(await readFile(path, 'utf8'), kind, path).rows : [];
}

async function readRecord(path: string): Promise<object> {
  const value = await readJson(path);
  if (typeof value === 'object' && value !== null) return value;
  throw new UserError(`${path} is not a JSON object`, { remedy: 'it was altered: move it away and run again' });
}

/** A JSON file of ours; unreadable content is an error that names it. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new UserError(`${path} cannot be read: ${(cause as Error).message}`, { remedy: 'make it readable', cause });
  });
  try {
    return fromJson(text);
  } catch (cause) {
    throw new UserError(`${path} is not JSON`, { remedy: 'it was altered: move it away and run again', cause });
  }
}
