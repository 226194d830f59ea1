/** Trains the missing runs of a study: here, one after the other, or each in a process of its own. */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Dataset } from '../data/dataset.ts';
import { execute, type Engine } from '../experiment/execute.ts';
import { experimentOf } from '../experiment/plan.ts';
import { missingRuns, trainMissing, type RunEnd, type StudyEnd } from '../experiment/study.ts';
import type { RunResult } from '../runs/metrics.ts';
import { readResult } from '../runs/store.ts';
import type { PlannedRun, StudyPlan } from '../runs/study.ts';
import { engineArguments, type EngineOptions } from './engine.ts';
import { startProgress } from './progress.ts';
import { stopOnSignals } from './signals.ts';

export async function trainStudy(
  dir: string,
  plan: StudyPlan,
  dataset: Dataset,
  engine: Engine,
  options: EngineOptions & { readonly jobs: number },
): Promise<StudyEnd & { readonly signalCode: number | undefined }> {
  const missing = missingRuns(dir, plan);
  const done = plan.runs.length - missing.length;
  console.error(
    `study ${plan.study}: ${plan.arms.length} arms × ${plan.seeds.length} seeds = ${plan.runs.length} runs` +
      `${done > 0 ? `, ${done} finished before` : ''}; ${engine.record.detail}`,
  );
  const stop = stopOnSignals();
  const progress = startProgress(plan.study, missing.length, 'run');

  let ended = 0;
  const trainHere = async (run: PlannedRun): Promise<RunEnd> => {
    const outcome = await execute(experimentOf(plan, run), dataset, join(dir, run.path), engine, {
      study: { name: plan.study, arm: run.arm },
      signal: stop.signal,
      onStep: ({ step, loss }, { totalSteps }) =>
        progress.update(ended, `${run.arm} seed ${run.seed}: step ${step}/${totalSteps}, loss ${loss.toFixed(4)}`),
    });
    return outcome.kind === 'interrupted'
      ? { kind: 'interrupted' }
      : { kind: 'done', text: resultText(outcome.result) };
  };
  const trainThere = (run: PlannedRun) => trainInProcess(dir, run, options, stop.signal);

  const trainOne = async (run: PlannedRun): Promise<RunEnd> => {
    try {
      return await (options.jobs > 1 ? trainThere(run) : trainHere(run));
    } catch (error) {
      return { kind: 'failed', text: error instanceof Error ? error.message : String(error) };
    }
  };
  try {
    const end = await trainMissing(
      missing,
      options.jobs,
      trainOne,
      (run, end, count) => {
        ended = count;
        const text = end.kind === 'interrupted' ? 'interrupted' : end.text;
        progress.say(`[${done + count}/${plan.runs.length}] ${run.arm} seed ${run.seed}: ${text}`);
        progress.update(count, '');
      },
      stop.signal,
    );
    return { ...end, signalCode: stop.exitCode() };
  } finally {
    progress.end();
    stop.release();
  }
}

const resultText = ({ status, reason, last, trainSeconds }: RunResult): string =>
  status === 'completed'
    ? `top-1 ${(100 * last.top1).toFixed(2)} % in ${trainSeconds.toFixed(1)} s`
    : `${status}${reason ? `, ${reason}` : ''}`;

/** One planned run in a child process, which reads the frozen plan and nothing else; it gets its share of the threads. */
async function trainInProcess(
  dir: string,
  run: PlannedRun,
  { jobs, ...engine }: EngineOptions & { readonly jobs: number },
  signal: AbortSignal,
): Promise<RunEnd> {
  const share = engine.threads ?? Math.max(1, Math.floor(availableParallelism() / jobs));
  const chosen = engineArguments({ ...engine, threads: share });
  // `--`: an arm's folder may start with a dash
  const child = spawn(process.execPath, [process.argv[1]!, 'train-planned', ...chosen, '--', dir, run.path], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true, // a group of its own: the terminal's Ctrl-C reaches it once, through us
  });
  const forward = () => child.kill('SIGTERM');
  signal.addEventListener('abort', forward, { once: true });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)));
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, killedBy) => resolve(status ?? (killedBy ? 1 : 0)));
  });
  signal.removeEventListener('abort', forward);
  const result = await readResult(join(dir, run.path));
  if (result) return { kind: 'done', text: resultText(result) };
  if (signal.aborted) return { kind: 'interrupted' };
  return { kind: 'failed', text: `process ended with ${code}: ${errors.trim().split('\n').slice(-3).join(' / ')}` };
}
