/** How long a study under way still takes. */
import type { RunView } from '../../runs/follow.ts';
import { median } from '../statistics/describe.ts';

export interface Estimated extends RunView {
  /** Seconds, of a run that is training. */
  readonly remaining?: number;
}

export interface StudyView {
  readonly runs: readonly Estimated[];
  /** Seconds until the last run ends, with as many at a time as train now; absent where none does. */
  readonly remaining?: number;
  readonly hasEnded: boolean;
}

/**
 * A running run takes its last steps' time for each one left, times what finished runs took beside their training; one that
 * waits takes what a finished run of its arm, else of any, took, else what a running one will.
 */
export function estimated(views: readonly RunView[]): StudyView {
  const finished = views.flatMap(({ arm, seconds }) => (seconds ? [{ arm, ...seconds }] : []));
  const overhead = finished.length === 0 ? 1 : median(finished.map(({ all, train }) => all / Math.max(train, 1e-9)));
  const ofSteps = ({ msPerStep }: RunView, steps: number) =>
    msPerStep === undefined ? undefined : (steps * msPerStep * overhead) / 1000;
  const runs = views.map((view): Estimated => {
    const remaining =
      view.state === 'running' && view.totalSteps !== undefined
        ? ofSteps(view, Math.max(0, view.totalSteps - view.step))
        : undefined;
    return { ...view, ...(remaining !== undefined && { remaining }) };
  });
  const running = runs.filter(({ state }) => state === 'running');
  const typical = (arm: string) => {
    const own = finished.filter((run) => run.arm === arm);
    const known = (own.length > 0 ? own : finished).map(({ all }) => all);
    const guessed = running.flatMap((view) => ofSteps(view, view.totalSteps ?? NaN) ?? []);
    return median(known.length > 0 ? known : guessed);
  };
  const left = runs.filter(({ state }) => isLeft(state)).map((run) => run.remaining ?? typical(run.arm));
  const remaining = left.reduce((sum, x) => sum + x, 0) / running.length;
  return {
    runs,
    ...(Number.isFinite(remaining) && { remaining: Math.max(remaining, ...running.map((run) => run.remaining ?? 0)) }),
    hasEnded: runs.every(({ state }) => !isLeft(state)),
  };
}

/** Whether the run is still to be trained; one that failed is not tried again by itself. */
const isLeft = (state: RunView['state']): boolean => ['queued', 'running', 'stopped', 'dead'].includes(state);
