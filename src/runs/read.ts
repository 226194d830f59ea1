/** Reading back what a run wrote beside its result. */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { readWithin } from '../data/boundedFile.ts';
import { UserError } from '../errors.ts';
import type { Environment } from './env.ts';
import { attemptCount, attemptDir } from './attempts.ts';
import { attemptFiles, olderFiles, runFiles } from './layout.ts';
import type { EvalMetrics, LinesHeader, LoggedStep, StepTiming } from './metrics.ts';
import { fromJson, parseLines } from './metrics.ts';
import { checkSealed } from './seal.ts';
import { checked, envShape, olderAttemptShape } from './shapes.ts';

/** The environment of the last attempt, or what a folder without leases holds; undefined where there is none. */
export async function readEnv(dir: string): Promise<Environment | undefined> {
  const places = [join(attemptDir(dir, attemptCount(dir)), attemptFiles.env), join(dir, olderFiles.env)];
  const path = places.find((place) => existsSync(place));
  return path === undefined ? undefined : (checked(await readJson(path), envShape, path) as Environment);
}

/** How an attempt without a lease ended; undefined where nothing says. */
export async function readOlderAttempt(
  dir: string,
): Promise<{ readonly status: 'interrupted' | 'failed'; readonly reason: string } | undefined> {
  const path = join(dir, olderFiles.attempt);
  if (!existsSync(path)) return undefined;
  return checked(await readJson(path), olderAttemptShape, path) as { status: 'interrupted' | 'failed'; reason: string };
}

export interface RunLogs {
  readonly steps: LoggedStep[];
  readonly evaluations: EvalMetrics[];
}

/**
 * What a run wrote step by step, as far as it came; a line cut short by a kill is left out. Each step is joined with its
 * timing, which older folders hold in the same line.
 */
export async function readLogs(dir: string): Promise<RunLogs> {
  const [steps, timing, evaluations] = await Promise.all([
    readLines<LoggedStep>(join(dir, runFiles.steps), 'steps'),
    readLines<StepTiming>(join(dir, runFiles.timing), 'timing'),
    readEvaluations(dir),
  ]);
  const timingOf = new Map(timing.map((row) => [row.step, row]));
  return { steps: steps.map((row) => ({ ...row, ...timingOf.get(row.step) })), evaluations };
}

/** The evaluations alone, which are few. */
export const readEvaluations = (dir: string): Promise<EvalMetrics[]> =>
  readLines<EvalMetrics>(join(dir, runFiles.evaluations), 'evaluations');

async function readLines<Row extends { readonly step: number }>(
  path: string,
  kind: LinesHeader['kind'],
): Promise<Row[]> {
  if (!existsSync(path)) return [];
  const content = await readBytes(path, longestLog);
  await checkSealed(dirname(path), basename(path), content);
  return parseLines<Row>(content.toString(), kind, path).rows;
}

/** In bytes; a text of 2²⁹ characters is longer than the language allows. */
const longestLog = 2 ** 29 - 100;
const longestRecord = 2 ** 26;

async function readBytes(path: string, most: number): Promise<Buffer> {
  const content = await readWithin(path, most);
  if (content.bytes !== undefined) return content.bytes;
  throw new UserError(`${path} ${content.reason}`, {
    remedy: 'it is not as it was written: move it away and run again',
  });
}

/** A JSON file of ours; unreadable content is an error that names it. */
export async function readJson(path: string): Promise<unknown> {
  const content = await readBytes(path, longestRecord);
  try {
    return fromJson(content.toString());
  } catch (cause) {
    throw new UserError(`${path} is not JSON`, { remedy: 'it was altered: move it away and run again', cause });
  }
}
