/** A study as it stands, again and again: each look reads what may have changed since the one before, and no more. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import { lastAttempt } from './attempts.ts';
import { runFiles, studyFiles } from './layout.ts';
import { readEntry } from './list.ts';
import type { EvalMetrics, StepRow, StepTiming } from './metrics.ts';
import { endedShort, isWhole, type ShortStatus } from './statuses.ts';
import { isFinished } from './store.ts';
import { readPlan, type PlannedRun, type StudyPlan } from './study.ts';
import { lastRows } from './tail.ts';

/** `queued`: nobody has begun it; `stopped`: interrupted, its state saved; `dead`: its process is gone without a word. */
export type ViewState = 'queued' | 'running' | 'stopped' | 'dead' | 'failed' | 'unreadable' | 'done' | ShortStatus;

export interface RunView {
  /** Below the study's folder. */
  readonly path: string;
  readonly arm: string;
  readonly seed: number;
  readonly state: ViewState;
  readonly reason?: string;
  /** 0 before the first. */
  readonly step: number;
  readonly totalSteps?: number;
  readonly epoch: number;
  readonly epochs: number;
  /** Of the last step, on its batch. */
  readonly loss?: number;
  /** Of the last evaluation. */
  readonly top1?: number;
  /** Over the last steps, waiting for data included. */
  readonly imagesPerSecond?: number;
  readonly msPerStep?: number;
  /** What a finished run took: all of it, and of that its training. */
  readonly seconds?: { readonly all: number; readonly train: number };
}

/** Steps whose timing is averaged. */
const RECENT = 20;

/** Looks at the runs of a study that `isMeant` takes; a finished run is read once. */
export function followStudy(root: string, dir: string, isMeant: (path: string) => boolean): () => Promise<RunView[]> {
  const ended = new Map<string, RunView>();
  let plan: StudyPlan | undefined;
  let planned: number | undefined;
  return async () => {
    const mtimeMs = statSync(join(dir, studyFiles.plan), { throwIfNoEntry: false })?.mtimeMs;
    if (mtimeMs === undefined)
      throw new UserError(`${dir} has no plan any more`, { remedy: 'it was moved or deleted' });
    if (plan === undefined || mtimeMs !== planned) [plan, planned] = [await readPlan(dir), mtimeMs];
    const views: RunView[] = [];
    for (const run of plan.runs.filter(({ path }) => isMeant(path))) {
      const known = ended.get(run.path);
      const view = known ?? (await look(root, dir, plan, run));
      if (!known && isFinished(join(dir, run.path))) ended.set(run.path, view);
      views.push(view);
    }
    return views;
  };
}

async function look(
  root: string,
  study: string,
  plan: StudyPlan,
  { arm, seed, path, id }: PlannedRun,
): Promise<RunView> {
  const dir = join(study, path);
  const { epochs, batch } = plan.arms.find(({ name }) => name === arm)!.experiment.train;
  const totalSteps = plan.facts && epochs * Math.floor(plan.facts.train / batch);
  const fixed = { path, arm, seed, epochs, ...(totalSteps !== undefined && { totalSteps }) };
  if (!existsSync(dir)) return { ...fixed, state: 'queued', step: 0, epoch: 0 };

  const stateOf = isFinished(dir) ? await finished(root, dir, id) : unfinished(dir);
  const [step] = lastRows<StepRow>(join(dir, runFiles.steps), 1);
  const [evaluation] = lastRows<EvalMetrics>(join(dir, runFiles.evaluations), 1);
  const timing = lastRows<StepTiming>(join(dir, runFiles.timing), RECENT);
  const ms = timing.reduce((sum, row) => sum + row.ms + row.dataWaitMs, 0) / timing.length;
  return {
    ...fixed,
    ...(totalSteps === undefined && step && { totalSteps: epochs * Math.round(step.step / step.epoch) }),
    step: step?.step ?? 0,
    epoch: step?.epoch ?? 0,
    ...(step && { loss: step.loss }),
    ...(evaluation && { top1: evaluation.top1 }),
    ...(timing.length > 0 && { msPerStep: ms, imagesPerSecond: (1000 * batch) / ms }),
    ...stateOf,
  };
}

type State = Pick<RunView, 'state' | 'reason' | 'seconds'>;

async function finished(root: string, dir: string, id: string): Promise<State> {
  const { state, reason, result } = await readEntry(root, dir);
  if (result && result.id !== id) return { state: 'unreadable', reason: `the result in it is of another run` };
  const times = result && {
    all: result.trainSeconds + result.evalSeconds + result.compileSeconds + (result.checkpointSeconds ?? 0),
    train: result.trainSeconds,
  };
  return {
    state: isWhole(state) ? 'done' : endedShort(state) ? state : 'unreadable',
    ...(reason !== undefined && { reason }),
    ...(times && { seconds: times }),
  };
}

function unfinished(dir: string): State {
  const last = lastAttempt(dir);
  if (last === undefined) return { state: 'queued' };
  if (last.isAlive) return { state: 'running' };
  if (last.ended === undefined || last.ended.status === 'finished') return { state: 'dead' };
  const { status, reason } = last.ended;
  return { state: status === 'failed' ? 'failed' : 'stopped', reason };
}
