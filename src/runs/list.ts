/** Every run under a folder of runs, finished or not. */
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';
import { UserError } from '../errors.ts';
import { attemptCount, lastAttempt } from './attempts.ts';
import { readConfig } from './configs.ts';
import type { Environment } from './env.ts';
import { id8 } from './id.ts';
import { checkpointPlace, olderFiles, runFiles } from './layout.ts';
import type { RunResult } from './metrics.ts';
import { readEnv, readOlderAttempt } from './read.ts';
import type { RunState } from './statuses.ts';
import { readResult } from './store.ts';
import { hasPlan, readPlan } from './study.ts';

export interface RunEntry {
  readonly dir: string;
  /** The folder below the root, with forward slashes. */
  readonly path: string;
  readonly state: RunState;
  /** The whole id, or its first eight digits where only the folder's name tells. */
  readonly id: string;
  readonly seed?: number;
  readonly study?: string;
  readonly arm?: string;
  readonly reason?: string;
  readonly result?: RunResult;
  readonly env?: Environment;
  /** How many attempts there were before the last one. */
  readonly attempts: number;
  /** Step of the newest checkpoint, where the run is not finished. */
  readonly checkpoint?: number;
  /** When a file in the folder last changed (ISO 8601, UTC). */
  readonly updatedAt?: string;
}

/** The single runs and the studies' runs below `root`, sorted by folder. No folder there, no runs. */
export async function listRuns(root: string): Promise<RunEntry[]> {
  const entries: RunEntry[] = [];
  for (const name of folders(root)) {
    const dir = join(root, name);
    entries.push(...(isRun(dir) ? [await readEntry(root, dir)] : await listStudy(root, dir)));
  }
  return entries;
}

/** A study's runs: those of its plan in the plan's order, then those in its folder that the plan does not know. */
export async function listStudy(root: string, dir: string): Promise<RunEntry[]> {
  const study = basename(dir);
  const plan = hasPlan(dir) ? (await readPlan(dir)).runs : [];
  const planned = await severalAtOnce(plan, async ({ arm, seed, id, path }): Promise<RunEntry> => {
    const runFolder = join(dir, path);
    const known = { study, arm, seed, id };
    if (isRun(runFolder)) return { ...checkedId(await readEntry(root, runFolder), id), ...known };
    return { ...known, dir: runFolder, path: slashed(relative(root, runFolder)), state: 'planned', attempts: 0 };
  });
  const known = new Set(planned.map((entry) => entry.dir));
  const others = folders(dir).flatMap((arm) =>
    folders(join(dir, arm)).map((name) => ({ arm, run: join(dir, arm, name) })),
  );
  const unplanned = others.filter(({ run }) => !known.has(run) && isRun(run));
  return [
    ...planned,
    ...(await severalAtOnce(unplanned, async ({ arm, run }) => ({ ...(await readEntry(root, run)), study, arm }))),
  ];
}

/** `work` on each, its results in order; so many files are open at once that waiting for the disk overlaps, and no more. */
async function severalAtOnce<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>) {
  const results: Result[] = [];
  for (let i = 0; i < items.length; i += 32) {
    results.push(...(await Promise.all(items.slice(i, i + 32).map(work))));
  }
  return results;
}

/** The entry, unless its result belongs to another run: counted twice, a seed would look like two. */
function checkedId({ result, ...entry }: RunEntry, id: string): RunEntry {
  if (result === undefined || result.id === id) return { ...entry, ...(result && { result }) };
  const reason = `${join(entry.dir, runFiles.result)} is the result of run ${id8(result.id)}`;
  return { ...entry, state: 'unreadable', reason };
}

/** One run's folder, in whatever state it is. */
export async function readEntry(root: string, dir: string): Promise<RunEntry> {
  const path = slashed(relative(root, dir));
  const place = { dir, path, id: basename(dir).slice(-8), attempts: earlierAttempts(dir), updatedAt: lastChange(dir) };
  try {
    const env = await readEnv(dir);
    return { ...place, ...(env && { env }), ...(await readState(dir)) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { ...place, state: 'unreadable', reason: error.message };
  }
}

type State = Pick<RunEntry, 'state' | 'seed' | 'study' | 'arm' | 'reason' | 'result' | 'checkpoint'> & {
  readonly id?: string;
};

async function readState(dir: string): Promise<State> {
  const result = await readResult(dir);
  if (result) {
    const { id, seed, study, arm, reason, status } = result;
    return {
      state: status,
      id,
      seed,
      ...(study !== undefined && { study }),
      ...(arm !== undefined && { arm }),
      ...(reason !== undefined && { reason }),
      result,
    };
  }
  const seed = await configuredSeed(dir);
  const checkpoint = newestCheckpoint(dir);
  const last = lastAttempt(dir);
  if (last?.isAlive) return { state: 'running', ...seed };
  const older = last?.lease ? undefined : await readOlderAttempt(dir);
  const { status, reason } = last?.ended ?? older ?? { status: 'lost', reason: undefined };
  const next = checkpoint === undefined ? undefined : `resumes from step ${checkpoint}`;
  const text = [reason, next].filter((part) => part !== undefined).join('; ');
  return {
    state: status === 'finished' ? 'lost' : status,
    ...(text !== '' && { reason: text }),
    ...seed,
    ...(checkpoint !== undefined && { checkpoint }),
  };
}

/** Step of the newest checkpoint by its name alone. */
function newestCheckpoint(dir: string): number | undefined {
  const steps = folders(join(dir, runFiles.checkpoints)).flatMap((name) => checkpointPlace(name)?.step ?? []);
  return steps.length === 0 ? undefined : Math.max(...steps);
}

/** Before attempts had leases, the last one's files lay beside `attempts/`. */
const earlierAttempts = (dir: string): number =>
  existsSync(join(dir, olderFiles.env)) ? attemptCount(dir) : Math.max(0, attemptCount(dir) - 1);

async function configuredSeed(dir: string): Promise<{ readonly seed?: number }> {
  const config = await readConfig(dir);
  if (!config) return {};
  const { seed } = config;
  if (typeof seed === 'number' && Number.isSafeInteger(seed)) return { seed };
  throw new UserError(`${join(dir, runFiles.config)} is not a resolved config: it has no seed`, {
    remedy: 'it was altered: run again',
  });
}

/** Whether a folder is a run's: it holds a run's files, or the attempts that came before. */
export const isRun = (dir: string): boolean =>
  [runFiles.result, runFiles.attempts, olderFiles.env, olderFiles.writer].some((file) => existsSync(join(dir, file)));

/** The folders in a folder, by name; hidden ones are nobody's runs. */
export function folders(dir: string): string[] {
  if (!existsSync(dir)) return [];
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) => entry.name)
      .sort();
  } catch (cause) {
    throw new UserError(`${dir} cannot be read: ${(cause as Error).message}`, {
      remedy: 'make it readable, or choose another folder with --runs DIR or RANGER21_RUNS_DIR',
      cause,
    });
  }
}

function lastChange(dir: string): string {
  // A file of a run in training may be renamed away between the two calls.
  const changed = (name: string) => lstatSync(join(dir, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return new Date(Math.max(...['.', ...readdirSync(dir)].map(changed))).toISOString();
}

const slashed = (path: string): string => path.split(sep).join('/');
