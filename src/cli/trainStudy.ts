/** Trains the missing runs of a study: here, one after the other, or each in a process of its own. Where none is missing, no engine is needed. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Dataset } from '../data/dataset.ts';
import { exitCode, UserError } from '../errors.ts';
import { execute, refuseOtherEngine } from '../experiment/execute.ts';
import { experimentOf } from '../experiment/study/plan.ts';
import { missingRuns, trainMissing, type RunEnd, type StudyEnd } from '../experiment/study/study.ts';
import { lastAttempt } from '../runs/attempts.ts';
import type { RunResult } from '../runs/metrics.ts';
import { isFinished, readResult } from '../runs/store.ts';
import type { PlannedRun, StudyPlan } from '../runs/study.ts';
import { startRanger21 } from './child.ts';
import { engineArguments, openEngine, type EngineOptions } from './engine.ts';
import type { ChildMessage, StepMessage } from './parent.ts';
import { startProgress } from './progress.ts';
import { stopOnSignals } from './signals.ts';

export interface StudyOptions extends EngineOptions {
  readonly jobs: number;
  readonly resume?: boolean | undefined;
  readonly acceptDrift?: boolean | undefined;
  /** Milliseconds. */
  readonly timeLimit?: number | undefined;
}

type OnStep = (message: StepMessage) => void;

export async function trainStudy(
  dir: string,
  plan: StudyPlan,
  dataset: Dataset,
  options: StudyOptions,
): Promise<StudyEnd & { readonly signalCode: number | undefined }> {
  await refuseOtherEngines(dir, plan, options);
  const missing = missingRuns(dir, plan);
  const done = plan.runs.length - missing.length;
  console.error(
    `study ${plan.study}: ${plan.arms.length} arms × ${plan.seeds.length} seeds = ${plan.runs.length} runs` +
      `${done > 0 ? `, ${done} finished before` : ''}` +
      `${missing.length > 0 ? `; ${(await openEngine(options)).record.detail}` : ''}`,
  );
  const stop = stopOnSignals(options.timeLimit);
  const progress = startProgress(plan.study, missing.length, 'run');

  let ended = 0;
  const shares = new Map<string, number>(); // of the runs that train
  const progressed = () => ended + [...shares.values()].reduce((sum, share) => sum + share, 0);
  const tellOf = (run: PlannedRun) => (line: string) => progress.say(`${run.arm} seed ${run.seed}: ${line}`);
  const trainHere = async (run: PlannedRun, onStep: OnStep): Promise<RunEnd> => {
    const outcome = await execute(experimentOf(plan, run), dataset, join(dir, run.path), await openEngine(options), {
      study: { name: plan.study, arm: run.arm },
      resume: options.resume,
      acceptDrift: options.acceptDrift,
      signal: stop.signal,
      onStep: ({ step, loss }, { totalSteps }) => onStep({ step, loss, totalSteps }),
      tell: tellOf(run),
    });
    return outcome.kind === 'interrupted'
      ? { kind: 'interrupted', isSaved: true }
      : { kind: 'done', text: resultText(outcome.result) };
  };

  const trainOne = async (run: PlannedRun): Promise<RunEnd> => {
    const onStep: OnStep = ({ step, totalSteps, loss }) => {
      shares.set(run.path, step / totalSteps);
      progress.update(progressed(), `${run.arm} seed ${run.seed}: step ${step}/${totalSteps}, loss ${loss.toFixed(4)}`);
    };
    try {
      return await (options.jobs > 1
        ? trainInProcess(dir, run, options, { onStep, tell: tellOf(run) }, stop.signal)
        : trainHere(run, onStep));
    } catch (error) {
      if (error instanceof UserError && error.code === exitCode.locked) return { kind: 'taken' };
      const text = error instanceof Error ? error.message : String(error);
      return { kind: 'failed', text, stepsHere: stepsOfLast(dir, run) };
    }
  };
  try {
    const hooks = {
      trainOne,
      onEnd: (run: PlannedRun, end: Exclude<RunEnd, { kind: 'taken' }>, count: number) => {
        ended = count;
        shares.delete(run.path);
        const text = end.kind === 'interrupted' ? `stopped${end.isSaved ? ', its state is saved' : ''}` : end.text;
        progress.say(`[${done + count}/${plan.runs.length}] ${run.arm} seed ${run.seed}: ${text}`);
        progress.update(progressed(), '');
      },
      onWait: (runs: number) =>
        progress.say(`waiting for ${runs} ${runs === 1 ? 'run' : 'runs'} that another process trains`),
    };
    const end = await trainMissing(dir, missing, options.jobs, hooks, stop.signal);
    return { ...end, signalCode: stop.exitCode() };
  } finally {
    progress.end();
    stop.release();
  }
}

/** A study's table holds results of one precision and, where a backend was asked for by name, of that one. */
async function refuseOtherEngines(dir: string, plan: StudyPlan, { backend, precision }: EngineOptions): Promise<void> {
  const wanted = { precision, asked: backend === 'auto' ? undefined : backend };
  for (const { path } of plan.runs.filter((run) => isFinished(join(dir, run.path)))) {
    const before = await readResult(join(dir, path)).catch((error: unknown) => {
      if (error instanceof UserError) return undefined; // altered: the table counts it as unreadable
      throw error;
    });
    if (before) refuseOtherEngine(before, wanted, join(dir, path));
  }
}

const resultText = ({ status, reason, last, trainSeconds }: RunResult): string =>
  status === 'completed'
    ? `top-1 ${(100 * last.top1).toFixed(2)} % in ${trainSeconds.toFixed(1)} s${reason ? `; ${reason}` : ''}`
    : `${status}${reason ? `, ${reason}` : ''}`;

/** Steps that the last attempt made before it ended; 0 where it left no word. */
const stepsOfLast = (dir: string, run: PlannedRun): number => lastAttempt(join(dir, run.path))?.ended?.stepsHere ?? 0;

/**
 * One planned run in a child process, which reads the frozen plan and nothing else; it gets its share of the threads. The
 * channel to it carries its steps, and ends with this process however that ends: the child then saves its state and stops.
 */
async function trainInProcess(
  dir: string,
  run: PlannedRun,
  { jobs, resume, acceptDrift, ...engine }: StudyOptions,
  { onStep, tell }: { readonly onStep: OnStep; readonly tell: (line: string) => void },
  signal: AbortSignal,
): Promise<RunEnd> {
  const share = engine.threads ?? Math.max(1, Math.floor(availableParallelism() / jobs));
  const chosen = [
    ...engineArguments({ ...engine, threads: share }),
    ...(resume === false ? ['--no-resume'] : []),
    ...(acceptDrift ? ['--accept-drift'] : []),
  ];
  // `--`: an arm's folder may start with a dash
  const child = startRanger21(['train-planned', ...chosen, '--', dir, run.path], {
    stdio: ['ignore', 'ignore', 'ipc'],
    detached: true, // a group of its own: the terminal's Ctrl-C reaches it once, through us
  });
  const forward = () => {
    if (child.process.connected) child.process.disconnect();
  };
  if (signal.aborted) forward();
  signal.addEventListener('abort', forward, { once: true });
  let stepsHere = 0;
  child.process.on('message', (message) => {
    const said = message as ChildMessage;
    if ('tell' in said) return tell(said.tell);
    stepsHere += 1;
    onStep(said);
  });
  const { code, signal: killedBy } = await child.ended;
  signal.removeEventListener('abort', forward);
  const result = await readResult(join(dir, run.path));
  if (result) return { kind: 'done', text: resultText(result) };
  const isSaved = lastAttempt(join(dir, run.path))?.ended?.status === 'interrupted';
  if (signal.aborted) return { kind: 'interrupted', isSaved };
  if (code === exitCode.locked) return { kind: 'taken' };
  const text = `process ended with ${killedBy ?? code}: ${child.lastWords().join(' / ')}`;
  return { kind: 'failed', text, stepsHere };
}
