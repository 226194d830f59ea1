/** A study of four arms and three seeds with invented numbers, whose table is worked out by hand in the tests. */
import { arms } from '../../src/experiment/study/ablation.ts';
import { makePlan, studyProtocol } from '../../src/experiment/study/plan.ts';
import type { RunEntry } from '../../src/runs/list.ts';
import type { RunResult } from '../../src/runs/metrics.ts';
import type { StudyPlan } from '../../src/runs/study.ts';
import { sampleEnv, sampleExperiment, sampleResult } from '../runs/sample.ts';

export const fingerprint = 'fe'.repeat(32);

export const samplePlan: StudyPlan = makePlan({
  study: 'demo',
  arms: arms(sampleExperiment(), { disable: ['pnm'] }),
  seeds: [0, 1, 2],
  fingerprint,
  facts: { shape: [8, 8, 1], classes: 10, train: 1437, test: 360 },
});

const pairing = { init: '11'.repeat(32), order: '22'.repeat(32), augment: '33'.repeat(32) };

const activity = {
  'agc/clippedShare': 0.25,
  'agc/clipFactor': 0.75,
  'gc/removedShare': 0.01,
  'gradnorm/scale': 0.002,
  'pnm/ratio': 1.5,
  'softplus/liftedShare': 0,
  'swd/V': 0.01,
  'swd/effectiveDecay': 0.01,
  'normloss/pull': 0.00002,
};

/** `${arm}/${seed}` → what became of the run; a run that is not here has not started. */
const outcomes: Readonly<Record<string, Partial<RunResult> & { top1?: number; loss?: number }>> = {
  'ranger21/0': { top1: 0.9, loss: 0.5, msPerStep: 50, activity },
  'ranger21/1': { top1: 0.92, loss: 0.4, msPerStep: 60, activity },
  'ranger21/2': { top1: 0.94, loss: 0.3, msPerStep: 52, activity },
  '-pnm/0': { top1: 0.89, loss: 0.6, msPerStep: 45 },
  '-pnm/1': { top1: 0.9, loss: 0.6, msPerStep: 47 },
  '-pnm/2': { top1: 0.94, loss: 0.6, msPerStep: 46 },
  'adamw/0': { top1: 0.1, loss: 2.3, status: 'stuck', reason: 'still at chance', activity: {} },
  'adamw/1': { top1: 0.8, loss: 0.7, msPerStep: 30, stateRatio: 2, activity: {} },
  'adamw/2': { top1: NaN, loss: NaN, status: 'diverged', reason: 'loss is NaN at step 3', activity: {} },
  'adamw+sched/0': { top1: 0.91, loss: 0.45, msPerStep: 30, stateRatio: 2, activity: {} },
  'adamw+sched/2': { top1: 0.93, loss: 0.55, msPerStep: 31, stateRatio: 2, activity: {} },
};

/** The runs of the plan, with changes to the results of some. */
export const sampleEntries = (changes: Readonly<Record<string, Partial<RunResult>>> = {}): RunEntry[] =>
  samplePlan.runs.map(({ arm, seed, id, path }): RunEntry => {
    const place = { dir: `runs/demo/${path}`, path: `demo/${path}`, id, study: 'demo', arm, seed, attempts: 0 };
    const outcome = outcomes[`${arm}/${seed}`];
    if (!outcome) return { ...place, state: 'planned' };
    const { top1 = 0, loss = 0, ...rest } = outcome;
    const last = { step: 40, epoch: 2, loss, top1 };
    const result = sampleResult({
      id,
      seed,
      study: 'demo',
      arm,
      fingerprint,
      pairing,
      last,
      best: last,
      ...rest,
      ...changes[`${arm}/${seed}`],
    });
    const reason = result.reason === undefined ? {} : { reason: result.reason };
    return { ...place, state: result.status, result, env: sampleEnv, ...reason };
  });

const loo = ['agc', 'gc', 'gradnorm', 'pnm', 'softplus', 'swd', 'normloss', 'warmup', 'warmdown', 'lookahead'];
const acting = Object.fromEntries(loo.map((name) => [`${name}/share`, 0.5]));

/**
 * A study with the final top-1 of each run given, by arm and in the order of the seeds; `undefined` has not started, a
 * text is how the run ended instead. Every component acts.
 */
export function studyOf(
  top1: Readonly<Record<string, readonly (number | string | undefined)[]>>,
  { choice = {}, block = {}, change = () => ({}) }: StudyChanges = {},
): { plan: StudyPlan; entries: RunEntry[] } {
  const seeds = Array.from({ length: Math.max(...Object.values(top1).map((values) => values.length)) }, (_, i) => i);
  const all = arms(sampleExperiment(), { ...choice, seeds });
  const plan = makePlan({
    study: 'made-up',
    arms: all,
    seeds,
    fingerprint,
    facts: { shape: [8, 8, 1], classes: 10, train: 1437, test: 360 },
    protocol: studyProtocol(block, all),
  });
  const entries = plan.runs.map(({ arm, seed, id, path }): RunEntry => {
    const place = { dir: `runs/${path}`, path, id, study: plan.study, arm, seed, attempts: 0 };
    const value = top1[arm]?.[seed % 1_000_000];
    if (value === undefined) return { ...place, state: 'planned' };
    const status = typeof value === 'string' ? (value as RunResult['status']) : 'completed';
    const last = { step: 40, epoch: 2, loss: 0.5, top1: typeof value === 'string' ? 0.1 : value };
    const result = sampleResult({
      id,
      seed,
      arm,
      fingerprint,
      pairing,
      status,
      last,
      best: last,
      activity: acting,
      ...change(arm, seed),
    });
    return { ...place, state: result.status, result, env: sampleEnv };
  });
  return { plan, entries };
}

interface StudyChanges {
  readonly choice?: Parameters<typeof arms>[1];
  readonly block?: Parameters<typeof studyProtocol>[0];
  readonly change?: (arm: string, seed: number) => Partial<RunResult>;
}
