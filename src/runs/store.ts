/** One run's folder while it is written, and its result once it is. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Experiment } from '../config/schema.ts';
import { fileError, writeAtomic } from './atomic.ts';
import { claimFolder } from './claim.ts';
import type { Environment } from './env.ts';
import { id8, runId } from './id.ts';
import { runFiles } from './layout.ts';
import type { Log } from './log.ts';
import { openLog } from './log.ts';
import type { EvalMetrics, LinesHeader, RunResult, StepMetrics } from './metrics.ts';
import { toJson, toLine } from './metrics.ts';
import { readJson, type Attempt } from './read.ts';
import { checkedResult } from './result.ts';
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
  step(metrics: StepMetrics): void;
  /** Flushes to the disk. */
  evaluation(metrics: EvalMetrics): void;
  /** Closes the logs, then writes `result.json`. */
  finish(result: RunResult): Promise<void>;
  /** Closes the logs and writes `attempt.json`: the run is not finished. */
  abandon(status: 'interrupted' | 'failed', reason: string): Promise<void>;
}

const flushMs = 5000;

/**
 * Opens a run's folder for writing. What an earlier attempt left there is moved to `attempts/<n>/`; a finished run, and
 * one that another process is writing, are errors.
 */
export async function openRun(
  dir: string,
  { experiment, env }: { experiment: Experiment; env: Environment },
): Promise<RunWriter> {
  const { resolvedYaml } = await import('../config/resolved.ts');
  const { study: _, ...trained } = experiment;
  claimFolder(dir);
  const logs: Log[] = [];
  const open = (file: string, start: Uint8Array): Log => {
    const log = openLog(join(dir, file), start);
    logs.push(log);
    return log;
  };
  try {
    await writeAtomic(join(dir, runFiles.config), resolvedYaml(trained));
    await writeAtomic(join(dir, runFiles.env), `${toJson(env, 2)}\n`);
    const steps = open(runFiles.steps, header('steps'));
    const evaluations = open(runFiles.evaluations, header('evaluations'));
    return writer(dir, { steps, evaluations, events: experiment.log.tensorboard ? openEvents(open) : undefined });
  } catch (cause) {
    logs.forEach((log) => log.close());
    throw fileError(dir, cause);
  }
}

const header = (kind: LinesHeader['kind']) => Buffer.from(toLine({ schema: 1, kind } satisfies LinesHeader));

function openEvents(open: (file: string, start: Uint8Array) => Log): Logs['events'] {
  const encode = tensorboardEvents();
  const { file, bytes } = encode.start(now());
  return { encode, log: open(file, bytes) };
}

/** Seconds since 1970. */
const now = () => Date.now() / 1000;

interface Logs {
  readonly steps: Log;
  readonly evaluations: Log;
  readonly events: { readonly log: Log; readonly encode: EventEncoder } | undefined;
}

function writer(dir: string, { steps, evaluations, events }: Logs): RunWriter {
  const logs = [steps, evaluations, ...(events ? [events.log] : [])];
  let failure: Error | undefined;
  const flush = () => logs.forEach((log) => log.flush());
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
  const close = () => {
    clearInterval(timer);
    process.off('exit', flushInBackground);
    try {
      check();
      flush();
    } finally {
      logs.forEach((log) => log.close());
    }
  };

  return {
    dir,
    step(metrics) {
      check();
      steps.append(Buffer.from(toLine(metrics)));
      events?.log.append(events.encode.step(metrics, now()));
    },
    evaluation(metrics) {
      check();
      evaluations.append(Buffer.from(toLine(metrics)));
      events?.log.append(events.encode.evaluation(metrics, now()));
      flush();
    },
    async finish(result) {
      close();
      await writeAtomic(join(dir, runFiles.result), `${toJson(result, 2)}\n`);
      rmSync(join(dir, runFiles.writer), { force: true });
    },
    async abandon(status, reason) {
      try {
        close();
      } finally {
        const attempt: Attempt = { schema: 1, status, reason, endedAt: new Date().toISOString() };
        await writeAtomic(join(dir, runFiles.attempt), `${toJson(attempt, 2)}\n`);
        rmSync(join(dir, runFiles.writer), { force: true });
      }
    },
  };
}
