/**
 * A SYNTHETIC study, 13 arms × 5 seeds, of the size a report has to bear: curves from a formula with seeded noise, a run
 * that diverges, one that is stuck, one that was never started, components that do nothing. Nothing here was trained.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { arms } from '../../src/experiment/study/ablation.ts';
import { makePlan } from '../../src/experiment/study/plan.ts';
import { hardwareOf } from '../../src/experiment/table/refusals.ts';
import { stream } from '../../src/random.ts';
import type { StudyChecks } from '../../src/runs/checks.ts';
import type { RunEntry } from '../../src/runs/list.ts';
import { toJson, toLine, type EvalMetrics, type RunResult, type StepMetrics } from '../../src/runs/metrics.ts';
import type { PlannedRun, StudyPlan } from '../../src/runs/study.ts';
import { sampleEnv, sampleExperiment, sampleResult, sampleStep } from '../runs/sample.ts';

export const totalSteps = 1200;
const evaluateEvery = 60;
const fingerprint = '5a'.repeat(32);

/** 13 arms: the full optimizer, each of ten components left out, two baselines; with `addOneIn` ten more. */
export const syntheticPlan = (seeds = 5, addOneIn = false): StudyPlan => ({
  ...makePlan({
    study: 'synthetic',
    arms: arms(sampleExperiment({ name: 'synthetic', train: { epochs: 20, batch: 64 } }), { addOneIn }),
    seeds: Array.from({ length: seeds }, (_, i) => i),
    fingerprint,
  }),
  facts: { shape: [8, 8, 1], classes: 10, train: 3840, test: 1797 },
  protocol: { alpha: 0.05, delta: 0.002, target: 0.88, tier: 'T0', headline: 'adamw+sched' },
});

export interface SyntheticRun {
  readonly entry: RunEntry;
  readonly steps: readonly StepMetrics[];
  readonly evaluations: readonly EvalMetrics[];
}

/** Invented effect on the final top-1, in points, of having an arm's change. */
const effects: Readonly<Record<string, number>> = {
  '-agc': -0.1,
  '-gc': 0.05,
  '-gradnorm': -0.9,
  '-pnm': -1.4,
  '-softplus': 0,
  '-swd': 0.3,
  '-normloss': 0.9,
  '-warmup': -2.1,
  '-warmdown': -3.2,
  '-lookahead': -0.4,
  adamw: -4.5,
  'adamw+sched': -1.6,
};
const ends: Readonly<Record<string, 'diverged' | 'stuck' | 'planned'>> = {
  '-warmup/3': 'diverged',
  'adamw/1': 'stuck',
  '-lookahead/4': 'planned',
};

export const syntheticRuns = (plan: StudyPlan): SyntheticRun[] => plan.runs.map((run) => made(plan, run));

function made(plan: StudyPlan, { arm, seed, id, path }: PlannedRun): SyntheticRun {
  const place = {
    dir: `runs/${plan.study}/${path}`,
    path: `${plan.study}/${path}`,
    id,
    study: plan.study,
    arm,
    seed,
    attempts: 0,
  };
  const end = ends[`${arm}/${seed}`];
  if (end === 'planned') return { entry: { ...place, state: 'planned' }, steps: [], evaluations: [] };

  const kind = plan.arms.findIndex(({ name }) => name === arm);
  const noise = stream(seed, 'synthetic', 1, kind);
  const shared = stream(seed, 'synthetic', 0, 0).normal();
  const baseline = arm.startsWith('adamw');
  const final = 0.92 + (effects[arm] ?? 0) / 100 + 0.004 * shared + 0.003 * noise.normal();
  const reached = end === 'diverged' ? Math.round(0.3 * totalSteps) : totalSteps;
  const settled = end === 'stuck' ? 2.3 : 0.25 + 3 * (0.93 - final);
  const pace = totalSteps / (baseline ? 4 : 7);
  const steps = Array.from({ length: reached }, (_, i): StepMetrics => {
    const t = i + 1;
    const loss = settled + (2.3 - settled) * Math.exp(-t / pace) * (1 + 0.12 * noise.normal());
    const blown = end === 'diverged' && t > reached - 40 ? loss * 1.15 ** (t - reached + 40) : loss;
    return sampleStep(t, {
      epoch: (20 * t) / totalSteps,
      lr: rate(arm, t),
      loss: t === reached && end === 'diverged' ? NaN : Math.max(0.01, blown),
      ...(!baseline && t % 20 === 0 && { meters: meters(arm, t, noise.normal()) }),
    });
  });
  const evaluations = steps
    .filter(({ step }) => step % evaluateEvery === 0)
    .map(({ step, epoch }): EvalMetrics => {
      const top1 =
        end === 'stuck'
          ? 0.1
          : final - (final - 0.1) * Math.exp(-step / (0.8 * pace)) + 0.003 * noise.normal() * (1 - step / totalSteps);
      return { step, epoch, loss: settled + 0.1, top1: step === totalSteps && end !== 'stuck' ? final : top1 };
    });
  const last = evaluations.at(-1) ?? { step: reached, epoch: 1, loss: NaN, top1: NaN };
  const status = end ?? 'completed';
  const reason = { diverged: `loss is NaN at step ${reached}`, stuck: 'top-1 still at chance after 20 epochs' };
  const result: RunResult = sampleResult({
    id,
    study: plan.study,
    arm,
    seed,
    status,
    ...(end && { reason: reason[end] }),
    steps: reached,
    epochs: (20 * reached) / totalSteps,
    last: end === 'diverged' ? { ...last, loss: NaN, top1: NaN } : last,
    best: last,
    msPerStep: (baseline ? 171 : 212 - 3 * kind) + noise.normal(),
    stateRatio: baseline ? 2 : arm === '-pnm' || arm === '-lookahead' ? 3 : 4,
    fingerprint,
    code: 'c0'.repeat(32),
    pairing: { init: `${seed}a`.repeat(32), order: `${seed}b`.repeat(32), augment: `${seed}c`.repeat(32) },
    activity: baseline ? {} : meters(arm, totalSteps / 2, 0),
    finishedAt: `2026-11-0${1 + (seed % 9)}T10:00:05.000Z`,
  });
  const entry: RunEntry = { ...place, state: status, result, env: sampleEnv, ...(end && { reason: reason[end] }) };
  return { entry, steps, evaluations };
}

function rate(arm: string, t: number): number {
  const share = t / totalSteps;
  const up = arm === '-warmup' || arm === 'adamw' ? 1 : Math.min(1, share / 0.22);
  const down = arm === '-warmdown' || arm === 'adamw' ? 1 : Math.min(1, (1 - share) / 0.28);
  return 0.001 * Math.min(up, Math.max(0.03, down));
}

function meters(arm: string, t: number, noise: number): Record<string, number> {
  const fall = Math.exp((-3 * t) / totalSteps) * (1 + 0.1 * noise);
  const all = {
    'agc/clippedShare': Math.max(0, 0.4 * fall),
    'agc/clipFactor': 1 - 0.2 * fall,
    'gc/removedShare': 0.02 * fall,
    'gradnorm/scale': 0.002 + 0.01 * fall,
    'pnm/ratio': 1.4 + 0.05 * noise,
    'softplus/liftedShare': 0,
    'swd/V': 0.02 * fall,
    'swd/effectiveDecay': 0.0001 / fall,
    'normloss/pull': 2e-5 * (1 + fall),
    'lookahead/distance': 0.008 * fall,
  };
  return Object.fromEntries(Object.entries(all).filter(([name]) => `-${name.split('/')[0]}` !== arm));
}

/** Writes the study's folder as training would have left it; returns its path. */
export function writeSynthetic(root: string, plan: StudyPlan): string {
  const dir = join(root, plan.study);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'plan.json'), toJson(plan));
  const runs = syntheticRuns(plan);
  writeFileSync(join(dir, 'checks.json'), toJson(checksOf(runs)));
  for (const { entry, steps, evaluations } of runs) {
    if (!entry.result) continue;
    const run = join(root, entry.path);
    mkdirSync(join(run, 'attempts/1'), { recursive: true });
    writeFileSync(join(run, 'metrics.jsonl'), lines('steps', steps));
    writeFileSync(join(run, 'evals.jsonl'), lines('evaluations', evaluations));
    writeFileSync(join(run, 'attempts/1/env.json'), toJson(entry.env));
    writeFileSync(join(run, 'result.json'), toJson(entry.result));
  }
  return dir;
}

const checksOf = (runs: readonly SyntheticRun[]): StudyChecks => ({
  schema: 1,
  offAll: { steps: 20, largestDifference: 0, tolerance: 0, passed: true },
  gradient: { ms: 150, hardware: hardwareOf(runs[0]!.entry) },
  checkedAt: '2026-11-01T09:00:00.000Z',
});

const lines = (kind: 'steps' | 'evaluations', rows: readonly object[]): string =>
  [{ schema: 1, kind }, ...rows].map(toLine).join('');
