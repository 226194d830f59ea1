/** One run's folder while it is written, and its result once it is. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Experiment } from '../config/schema.ts';
import type { HostTensors } from '../tensor/compile.ts';
import { fileError, writeAtomic } from './atomic.ts';
import {
  pruneCheckpoints,
  removeCheckpoints,
  writeCheckpoint,
  type CheckpointRecord,
  type Keep,
} from './checkpoint.ts';
import { disk } from './disk.ts';
import { cutBack, setAside } from './folder.ts';
import { hparamsSession, type HparamsSession } from './hparams.ts';
import { id8, runId } from './id.ts';
import { runFiles } from './layout.ts';
import type { Lease } from './lease.ts';
import { hashOf, openLog, type Log } from './log.ts';
import type { EvalMetrics, LinesHeader, RunResult, StepMetrics } from './metrics.ts';
import { toJson, toLine } from './metrics.ts';
import { readJson } from './read.ts';
import { checkedResult } from './result.ts';
import { safetensorsPieces } from './safetensors.ts';
import { sealed, sha256 } from './seal.ts';
import { tensorboardEvents, type EventEncoder } from './tensorboard.ts';

/** A single run's folder. */
export const runDir = (root: string, experiment: Experiment, fingerprint: string): string =>
  join(root, `${experiment.name}-${id8(runId(experiment, experiment.seed, fingerprint))}`);

/** A run is finished if and only if its result is there. */
export const isFinished = (dir: string): boolean => existsSync(join(dir, runFiles.result));

/** The result of a run, checked; undefined while it is not finished. */
export async function readResult(dir: string): Promise<RunResult | undefined> {
  if (!isFinished(dir)) return undefined;
  const path = join(dir, runFiles.result);
  return checkedResult(await readJson(path), path);
}

export interface RunWriter {
  readonly dir: string;
  readonly attempt: number;
  step(metrics: StepMetrics): void;
  /** Flushes to the disk. */
  evaluation(metrics: EvalMetrics): void;
  /** Flushes the logs; how many bytes each then has, and their SHA-256. */
  flush(): Required<Pick<CheckpointRecord, 'files' | 'sums'>>;
  checkpoint(record: CheckpointRecord, state: HostTensors): Promise<void>;
  prune(keep: Keep): Promise<void>;
  /** Removes the checkpoints of the steps named. */
  removeCheckpoints(isRemoved: (step: number) => boolean): Promise<void>;
  /** Writes `divergence/`: the report as JSON, each group of tensors as a file. */
  diverged(report: object, tensors: Readonly<Record<string, HostTensors>>): Promise<void>;
  /** Closes the logs, then writes `result.json`. */
  finish(result: RunResult, stepsHere?: number): Promise<void>;
  /** Closes the logs and says why the attempt ended: the run is not finished. */
  abandon(status: 'interrupted' | 'failed', reason: string, steps: Steps): Promise<void>;
}

/** Steps the run has behind it, and how many of them this attempt made. */
export interface Steps {
  readonly step: number;
  readonly stepsHere: number;
}

const flushMs = 5000;

interface OpenOptions {
  readonly experiment: Experiment;
  readonly lease: Lease;
  readonly from?: CheckpointRecord | undefined;
  /** Where the run is one of a study's. */
  readonly study?: { readonly name: string; readonly arm: string } | undefined;
}

/**
 * Opens a run's folder for writing: from the start, with what lies there moved to `attempts/<n>/before/`; or from a
 * checkpoint on, with what came after it moved to `attempts/<n>/tail/`.
 */
export async function openRun(dir: string, { experiment, lease, from, study }: OpenOptions): Promise<RunWriter> {
  const { resolvedYaml } = await import('../config/resolved.ts');
  const { study: _, ...trained } = experiment;
  const logs: Log[] = [];
  const keep = (log: Log): Log => {
    logs.push(log);
    return log;
  };
  try {
    const cut = from ? cutBack(dir, lease.dir, from) : undefined;
    if (!from) setAside(dir, lease.dir);
    const config = resolvedYaml(trained);
    await writeAtomic(join(dir, runFiles.config), config);
    const open = (file: string, kind: LinesHeader['kind']): Log =>
      keep(openLog(join(dir, file), cut?.(file) ?? header(kind)));
    const files = {
      [runFiles.steps]: open(runFiles.steps, 'steps'),
      [runFiles.timing]: open(runFiles.timing, 'timing'),
      [runFiles.evaluations]: open(runFiles.evaluations, 'evaluations'),
    };
    const session = hparamsSession(experiment, study);
    const events = experiment.log.tensorboard
      ? openEvents(dir, lease.attempt, from && from.step + 1, session)
      : undefined;
    if (events) keep(events.log);
    const older = Object.entries(from?.files ?? {}).flatMap(([file, length]) =>
      file in files ? [] : [{ file, length, sum: hashOf(join(dir, file), length).digest('hex') }],
    );
    return writer(dir, lease, { files, events, older, config });
  } catch (cause) {
    logs.forEach((log) => log.close());
    throw fileError(dir, cause);
  }
}

const header = (kind: LinesHeader['kind']) => Buffer.from(toLine({ schema: 1, kind } satisfies LinesHeader));

function openEvents(dir: string, attempt: number, from: number | undefined, session: HparamsSession): Logs['events'] {
  const encode = tensorboardEvents();
  const { file, bytes } = encode.start(now(), attempt, from, session);
  return { encode, file, log: openLog(join(dir, file), bytes) };
}

/** Seconds since 1970. */
const now = () => Date.now() / 1000;

interface Logs {
  readonly files: Readonly<Record<string, Log>>;
  readonly events: { readonly file: string; readonly log: Log; readonly encode: EventEncoder } | undefined;
  /** Event files of earlier attempts, with their lengths and SHA-256. */
  readonly older: readonly { readonly file: string; readonly length: number; readonly sum: string }[];
  /** The text of the resolved config. */
  readonly config: string;
}

function writer(dir: string, lease: Lease, { files, events, older, config }: Logs): RunWriter {
  const logs = { ...files, ...(events && { [events.file]: events.log }) };
  let failure: Error | undefined;
  const flush = () => {
    lease.check();
    Object.values(logs).forEach((log) => log.flush());
  };
  const flushInBackground = () => {
    try {
      flush();
    } catch (error) {
      failure = error as Error; // a timer has no caller: the next call throws it
    }
  };
  const timer = setInterval(flushInBackground, flushMs).unref();
  process.on('exit', flushInBackground);

  const check = () => {
    if (failure !== undefined) throw failure;
  };
  let isClosed = false; // a second close of a descriptor may hit another file that has its number now
  const close = () => {
    if (isClosed) return;
    isClosed = true;
    clearInterval(timer);
    process.off('exit', flushInBackground);
    try {
      check();
      flush();
    } finally {
      Object.values(logs).forEach((log) => log.close());
    }
  };
  const sums = (): Record<string, string> => ({
    ...Object.fromEntries(older.map(({ file, sum }) => [file, sum])),
    ...Object.fromEntries(Object.entries(logs).map(([file, log]) => [file, log.sha256()])),
  });
  const append = (file: string, row: object) => files[file]!.append(Buffer.from(toLine(row)));

  return {
    dir,
    attempt: lease.attempt,
    step(metrics) {
      check();
      const { ms, imagesPerSecond, dataWaitMs, ...row } = metrics;
      append(runFiles.steps, row);
      append(runFiles.timing, { step: row.step, ms, imagesPerSecond, dataWaitMs });
      events?.log.append(events.encode.step(metrics, now()));
    },
    evaluation(metrics) {
      check();
      append(runFiles.evaluations, metrics);
      events?.log.append(events.encode.evaluation(metrics, now()));
      flush();
    },
    flush() {
      check();
      flush();
      const own = Object.entries(logs).map(([file, { length }]) => ({ file, length }));
      return { files: Object.fromEntries([...older, ...own].map(({ file, length }) => [file, length])), sums: sums() };
    },
    async checkpoint(record, state) {
      lease.check();
      await writeCheckpoint(dir, record, state, () => lease.check());
    },
    async prune(keep) {
      lease.check();
      await pruneCheckpoints(dir, keep);
    },
    async removeCheckpoints(isRemoved) {
      lease.check();
      await removeCheckpoints(dir, isRemoved);
    },
    async diverged(report, tensors) {
      lease.check();
      const folder = join(dir, runFiles.divergence);
      disk.mkdir(folder, { recursive: true });
      await writeAtomic(join(folder, 'report.json'), `${toJson(report, 2)}\n`);
      for (const [name, group] of Object.entries(tensors)) {
        await writeAtomic(join(folder, `${name}.safetensors`), safetensorsPieces(group));
      }
    },
    async finish(result, stepsHere = result.steps) {
      events?.log.append(events.encode.end(result.status, now()));
      close();
      lease.check();
      const files = { [runFiles.config]: sha256(config), ...sums() };
      await writeAtomic(join(dir, runFiles.result), sealed({ ...result, files }));
      await lease.end({ status: 'finished', reason: result.status, step: result.steps, stepsHere });
    },
    async abandon(status, reason, steps) {
      try {
        if (status === 'failed' && !isClosed) events?.log.append(events.encode.end(status, now()));
        close();
      } finally {
        await lease.end({ status, reason, ...steps });
      }
    },
  };
}
