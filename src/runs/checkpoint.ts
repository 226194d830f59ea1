/**
 * Checkpoints of a run:
 *
 *     checkpoints/step-000001200/     state.safetensors · checkpoint.json · manifest.json
 *
 * A checkpoint is written in a folder of another name, flushed file by file, the manifest last, and then renamed: under its
 * name it is whole. The manifest holds size and SHA-256 of the other files, and is compared as text, so that no byte of the
 * three can change unnoticed. One process at a time writes a run's checkpoints: the holder of its lease.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import type { HostTensors } from '../tensor/compile.ts';
import { fileError, writeDurable } from './atomic.ts';
import { disk } from './disk.ts';
import { checkpointPlace, runFiles } from './layout.ts';
import { toJson } from './metrics.ts';
import { readJson } from './read.ts';
import { readSafetensors, safetensorsPieces } from './safetensors.ts';
import { readSum, writeSummed, type Sum } from './sums.ts';

/** The content of `checkpoint.json`: what a run needs beside its state to go on as if it had never stopped. */
export interface CheckpointRecord {
  readonly schema: 1;
  /** The last step that the state has taken. */
  readonly step: number;
  /** The run's. */
  readonly id: string;
  /** What must be the same when the run goes on, by name: config (canonical JSON), code, data, engine. */
  readonly drift: Readonly<Record<string, string>>;
  /** Length in bytes of each log in the run's folder. */
  readonly files: Readonly<Record<string, number>>;
  /** SHA-256 of so many bytes of each; absent in checkpoints of version 0.1. */
  readonly sums?: Readonly<Record<string, string>>;
  /** What the trainer has accumulated, as JSON. */
  readonly progress: unknown;
  /** ISO 8601, UTC. */
  readonly writtenAt: string;
}

export interface Checkpoint {
  readonly name: string;
  readonly record: CheckpointRecord;
  readonly state: HostTensors;
  /** Newer checkpoints that are not what was written, to be told. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

/** Which checkpoints stay. */
export interface Keep {
  /** The newest so many, and never fewer than two. */
  readonly last: number;
  /** The newest of every so many steps, too. */
  readonly every?: number | undefined;
  /** This step's, too. */
  readonly best?: number | undefined;
}

const files = { state: 'state.safetensors', record: 'checkpoint.json', manifest: 'manifest.json' } as const;

/**
 * Writes a checkpoint; an earlier one of the same step stays beside it. The state must not change meanwhile, and the next call
 * waits for this one. Where it fails, the earlier checkpoints are as they were. `check` throws where the run is no longer ours:
 * then nothing appears under a checkpoint's name.
 */
export async function writeCheckpoint(
  runDir: string,
  record: CheckpointRecord,
  state: HostTensors,
  check: () => void = () => undefined,
): Promise<void> {
  const parent = join(runDir, runFiles.checkpoints);
  const unfinished = join(parent, unfinishedName(stepName(record.step)));
  try {
    if (!existsSync(parent)) {
      disk.mkdir(parent, { recursive: true });
      await disk.syncFolder(runDir);
    }
    await removeUnfinished(parent);
    disk.mkdir(unfinished);
    const sums = {
      [files.state]: await writeSummed(join(unfinished, files.state), safetensorsPieces(state)),
      [files.record]: await writeSummed(join(unfinished, files.record), [Buffer.from(`${toJson(record, 2)}\n`)]),
    };
    await writeDurable(join(unfinished, files.manifest), manifest(sums));
    await disk.syncFolder(unfinished);
    check();
    disk.rename(unfinished, join(parent, freeName(parent, stepName(record.step))));
    await disk.syncFolder(parent);
  } catch (cause) {
    await disk.remove(unfinished).catch(() => undefined); // the first failure is the one to tell
    const error = fileError(join(parent, stepName(record.step)), cause);
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${error.message}; the earlier checkpoints are as they were`, error);
  }
}

/**
 * The newest checkpoint whose files are as they were written; undefined where there is none. Where there are some, but none
 * is sound, that is an error which says why for each.
 */
export async function readCheckpoint(runDir: string): Promise<Checkpoint | undefined> {
  const parent = join(runDir, runFiles.checkpoints);
  const skipped: { name: string; reason: string }[] = [];
  for (const { name, step } of checkpointsIn(parent)) {
    try {
      return { name, ...(await load(join(parent, name), step)), skipped };
    } catch (cause) {
      if (!(cause instanceof UserError) && (cause as NodeJS.ErrnoException).code === undefined) throw cause;
      skipped.push({ name, reason: (cause as Error).message });
    }
  }
  if (skipped.length === 0) return undefined;
  const reasons = skipped.map(({ name, reason }) => `\n  ${name}: ${reason}`);
  throw new UserError(`${parent} has no checkpoint to go on from${reasons.join('')}`, {
    remedy: 'put a copy of one back, or start again from step 1 with --no-resume',
  });
}

/** Removes the checkpoints that `keep` does not name. Those that are not whole are left alone, and do not count. */
export async function pruneCheckpoints(runDir: string, { last, every, best }: Keep): Promise<void> {
  const parent = join(runDir, runFiles.checkpoints);
  const whole = checkpointsIn(parent).filter(({ name }) => isWhole(join(parent, name)));
  const kept = new Set(whole.slice(0, Math.max(2, last)));
  const newestOf = (same: (step: number) => unknown) => {
    const seen = new Set<unknown>();
    for (const checkpoint of whole) {
      const key = same(checkpoint.step);
      if (!seen.has(key)) kept.add(checkpoint);
      seen.add(key);
    }
  };
  if (every !== undefined) newestOf((step) => Math.ceil(step / every));
  const ofBest = whole.find(({ step }) => step === best);
  if (ofBest) kept.add(ofBest);

  for (const { name } of whole.filter((one) => !kept.has(one))) await removeCheckpoint(parent, name);
}

/** Removes the checkpoints of the steps named. */
export async function removeCheckpoints(runDir: string, isRemoved: (step: number) => boolean): Promise<void> {
  const parent = join(runDir, runFiles.checkpoints);
  for (const { name, step } of checkpointsIn(parent)) if (isRemoved(step)) await removeCheckpoint(parent, name);
}

async function removeCheckpoint(parent: string, name: string): Promise<void> {
  const unfinished = join(parent, unfinishedName(name));
  try {
    disk.rename(join(parent, name), unfinished); // half removed under its name, it would look altered
    await disk.remove(unfinished);
  } catch (cause) {
    throw fileError(join(parent, name), cause);
  }
}

/** Renames checkpoints that were skipped to `bad-…`: `pruneCheckpoints` then does not count them as ones to fall back on. */
export function setAsideCheckpoints(runDir: string, skipped: Checkpoint['skipped']): void {
  const parent = join(runDir, runFiles.checkpoints);
  for (const { name } of skipped) {
    try {
      disk.rename(join(parent, name), join(parent, freeName(parent, `bad-${name}`)));
    } catch (cause) {
      throw fileError(join(parent, name), cause);
    }
  }
}

const stepName = (step: number): string => `step-${String(step).padStart(9, '0')}`;

/** The name, or with .2, .3, … after it the first that is free. */
function freeName(parent: string, name: string): string {
  let free = name;
  for (let n = 2; existsSync(join(parent, free)); n++) free = `${name}.${n}`;
  return free;
}

/** Checkpoints by name, the newest first. */
function checkpointsIn(parent: string): { readonly name: string; readonly step: number }[] {
  if (!existsSync(parent)) return [];
  let names: string[];
  try {
    names = readdirSync(parent);
  } catch (cause) {
    throw new UserError(`${parent} cannot be read: ${(cause as Error).message}`, { remedy: 'make it readable', cause });
  }
  return names
    .flatMap((name) => {
      const place = checkpointPlace(name);
      return place === undefined ? [] : [{ name, ...place }];
    })
    .sort((a, b) => b.step - a.step || b.copy - a.copy);
}

/** Differs from process to process, so that one which lost its lease unawares cannot write into another's folder. */
const writer = `${process.pid}-${Math.round(performance.timeOrigin)}`;
const unfinishedPrefix = '.unfinished-';
const unfinishedName = (name: string): string => `${unfinishedPrefix}${writer}-${name}`;

/** Removes what processes that ended in the middle left. */
async function removeUnfinished(parent: string): Promise<void> {
  for (const name of readdirSync(parent).filter((entry) => entry.startsWith(unfinishedPrefix))) {
    await disk.remove(join(parent, name)).catch(() => undefined); // in nobody's way
  }
}

const manifest = (sums: Readonly<Record<string, Sum>>): string =>
  `${JSON.stringify({ schema: 1, files: sums }, null, 2)}\n`;

async function load(
  folder: string,
  step: number,
): Promise<{ readonly record: CheckpointRecord; readonly state: HostTensors }> {
  const statePath = join(folder, files.state);
  const recordPath = join(folder, files.record);
  const expected = manifest({ [files.state]: await readSum(statePath), [files.record]: await readSum(recordPath) });
  const found = await readSum(join(folder, files.manifest));
  if (found.sha256 !== createHash('sha256').update(expected).digest('hex')) {
    throw new UserError(`${files.manifest} was written for other files than are beside it`, {
      remedy: 'it was altered',
    });
  }
  return { record: checkedRecord(await readJson(recordPath), step), state: await readSafetensors(statePath) };
}

function checkedRecord(value: unknown, step: number): CheckpointRecord {
  const record = value as Partial<CheckpointRecord> | null;
  const sums = record?.sums;
  const isSound =
    record?.schema === 1 &&
    record.step === step &&
    typeof record.id === 'string' &&
    isRecordOf(record.drift, (text) => typeof text === 'string') &&
    isRecordOf(record.files, (length) => Number.isSafeInteger(length) && Number(length) >= 0) &&
    Object.keys(record.files).every((file) => /^[\w][\w.-]*$/.test(file)) && // it will be truncated: never one elsewhere
    (sums === undefined || (isRecordOf(sums, isHash) && Object.keys(record.files).every((file) => file in sums)));
  if (isSound) return record as CheckpointRecord;
  throw new UserError(`${files.record} is not the record of step ${step}`, { remedy: 'it was altered' });
}

const isHash = (text: unknown): boolean => typeof text === 'string' && /^[0-9a-f]{64}$/.test(text);

const isRecordOf = (value: unknown, isSound: (entry: unknown) => boolean): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(isSound);

/** Whether it has a manifest and files of the sizes in it. Reading them to be sure would take as long as writing them. */
function isWhole(folder: string): boolean {
  try {
    const { files: sums } = JSON.parse(readFileSync(join(folder, files.manifest), 'utf8')) as {
      files: Record<string, Sum>;
    };
    return [files.state, files.record].every((name) => statSync(join(folder, name)).size === sums[name]?.bytes);
  } catch {
    return false;
  }
}
