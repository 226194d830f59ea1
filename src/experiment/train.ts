/** Trains one experiment. Read this first: it goes straight down. */
import type { Experiment } from '../config/schema.ts';
import { evalBatches, trainBatches } from '../data/batches.ts';
import type { Batch, Dataset } from '../data/dataset.ts';
import type { Facts } from '../data/registry.ts';
import { initModel } from '../models/init.ts';
import type { Model } from '../models/model.ts';
import { models } from '../models/registry.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { buildOptimizer } from '../optim/ranger21.ts';
import { initState } from '../optim/state.ts';
import { runId } from '../runs/id.ts';
import type { BackendRecord, EvalMetrics, RunResult, StepMetrics } from '../runs/metrics.ts';
import type { RunWriter } from '../runs/store.ts';
import { hostScalar, sizeOf, type Backend, type HostTensors, type SessionOptions } from '../tensor/compile.ts';
import { evaluate } from './evaluate.ts';
import { evaluateInputs, evaluateStep, mergeStep, METER, runState, trainInputs, trainStep } from './step.ts';

/** What a run is made of before it touches data or a device. */
export interface Plan {
  readonly experiment: Experiment;
  readonly facts: Facts;
  readonly model: Model;
  readonly optimizer: Optimizer;
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  readonly evalEvery: number;
  /** Whether a step of this run ends in a lookahead merge. */
  readonly merges: boolean;
}

export interface Surroundings {
  readonly backend: Backend;
  readonly record: BackendRecord;
  readonly session: SessionOptions;
  readonly run: RunWriter;
  readonly study?: { readonly name: string; readonly arm: string };
  readonly onStep?: (metrics: StepMetrics, plan: Plan) => void;
  readonly onEval?: (metrics: EvalMetrics, plan: Plan) => void;
  /** Asks the run to end after the current step. */
  readonly signal?: AbortSignal;
}

/** Builds model and optimizer for a data set; throws a UserError where they do not fit. */
export function planRun(experiment: Experiment, facts: Required<Facts>): Plan {
  const { name, ...options } = experiment.model;
  const [height, width, channels] = facts.shape;
  const model = models[name].build(options, { height, width, channels, classes: facts.classes });
  const { epochs, batch } = experiment.train;
  const stepsPerEpoch = Math.floor(facts.train / batch);
  const shapes = Object.fromEntries(Object.entries(model.params).map(([name, { shape }]) => [name, shape]));
  const optimizer = buildOptimizer(experiment.optimizer, { epochs, stepsPerEpoch }, shapes);
  const [count = '1', unit] = experiment.eval.every.split(' ');
  const evalEvery = Number(count) * (unit!.startsWith('epoch') ? stepsPerEpoch : 1);
  const totalSteps = epochs * stepsPerEpoch;
  const { lookahead } = experiment.optimizer.components;
  const merges = lookahead !== false && lookahead.k <= totalSteps;
  return { experiment, facts, model, optimizer, stepsPerEpoch, totalSteps, evalEvery, merges };
}

/**
 * Trains to the end, to divergence or until the loss is stuck, and writes the run folder as it goes.
 * Returns undefined where the signal ended it.
 */
export async function train(plan: Plan, dataset: Dataset, around: Surroundings): Promise<RunResult | undefined> {
  const { experiment, model, optimizer, stepsPerEpoch, totalSteps } = plan;
  const { run } = around;
  const { batch: batchSize, labelSmoothing } = experiment.train;

  // ── data and state
  const data = trainBatches(dataset, { ...experiment.train, seed: experiment.seed });
  const heldOut = evalBatches(dataset, { batch: experiment.eval.batch });
  const initial = initModel(model, experiment.seed);
  const compileStart = performance.now();
  const abandon = (error: unknown) => run.abandon('failed', error instanceof Error ? error.message : String(error));
  const session = await around.backend
    .open(runState({ ...initial, slots: initState(optimizer, initial.params) }), around.session)
    .catch(async (error: unknown) => {
      await abandon(error);
      throw error;
    });

  const evaluations: EvalMetrics[] = [];
  const activity = new Map<string, { sum: number; count: number }>();
  const stepMs: number[] = [];
  const recentLosses: number[] = [];
  const stuckAt = Math.max(1, Math.ceil(experiment.stop.stuckAfter * totalSteps));
  const window = Math.max(1, Math.min(stepsPerEpoch, Math.floor(stuckAt / 2)));
  let ending: { status: RunResult['status']; reason?: string } = { status: 'completed' };
  let [compileSeconds, evalSeconds, dataWaitMs, t] = [0, 0, 0, 0];
  let startedAt = performance.now();
  let upcoming: Promise<Batch> | undefined;
  const prefetch = (step: number) => {
    upcoming = data.batch(step);
    upcoming.catch(() => undefined); // told where it is awaited, not as an unhandled rejection before
  };

  try {
    // ── programs
    const meterEvery = experiment.log.meters;
    const inputs = trainInputs(batchSize, dataset.shape, Object.keys(optimizer.scalars(1)));
    const compileTrain = (meters: boolean) =>
      session.compile(
        meters ? 'step with meters' : 'step',
        trainStep(model, optimizer, { labelSmoothing, meters }),
        inputs,
      );
    const step = await compileTrain(false);
    const meteredStep = meterEvery > 0 ? await compileTrain(true) : step;
    const merge = plan.merges
      ? await session.compile('lookahead merge', mergeStep(optimizer, { meters: meterEvery > 0 }), {})
      : undefined;
    const evalStep = await session.compile(
      'evaluation',
      evaluateStep(model),
      evaluateInputs(heldOut.batchSize, dataset.shape),
    );
    compileSeconds = (performance.now() - compileStart) / 1000;
    startedAt = performance.now();

    // ── the loop
    prefetch(1);
    while (t < totalSteps) {
      t += 1;
      const waitStart = performance.now();
      const batch = await upcoming!;
      const waited = performance.now() - waitStart;
      dataWaitMs += waited;

      const stepStart = performance.now();
      const metered = meterEvery > 0 && (t === 1 || t === totalSteps || t % meterEvery === 0);
      const running = (metered ? meteredStep : step)(stepInputs(batch, dataset.shape, optimizer.scalars(t)));
      if (t < totalSteps) prefetch(t + 1); // assembled while the step runs
      let outputs = await running;
      if (merge && optimizer.variant(t) === 'merge') outputs = { ...outputs, ...(await merge({})) };
      const ms = performance.now() - stepStart;
      stepMs.push(ms);

      const meters = meterValues(outputs);
      const metrics: StepMetrics = {
        step: t,
        epoch: t / stepsPerEpoch,
        lr: optimizer.lr(t),
        loss: outputs['loss']!.data[0]!,
        trainTop1: outputs['top1']!.data[0]!,
        gradNorm: outputs['gradNorm']!.data[0]!,
        paramNorm: outputs['paramNorm']!.data[0]!,
        updateNorm: outputs['updateNorm']!.data[0]!,
        ms,
        imagesPerSecond: batchSize / ((ms + waited) / 1000),
        dataWaitMs: waited,
        ...(meters ? { meters } : {}),
      };
      for (const [name, value] of Object.entries(meters ?? {})) {
        const seen = activity.get(name) ?? { sum: 0, count: 0 };
        activity.set(name, { sum: seen.sum + value, count: seen.count + 1 });
      }
      run.step(metrics);
      around.onStep?.(metrics, plan);

      const broken = (['loss', 'gradNorm', 'updateNorm'] as const).find((name) => !Number.isFinite(metrics[name]));
      if (broken) {
        ending = { status: 'diverged', reason: `${broken} is ${metrics[broken]} at step ${t}` };
        break;
      }
      recentLosses.push(metrics.loss);
      if (recentLosses.length > window) recentLosses.shift();
      const meanLoss = recentLosses.reduce((a, b) => a + b, 0) / recentLosses.length;
      const isStuck = t === stuckAt && Math.abs(meanLoss - Math.log(dataset.classes)) < experiment.stop.stuckWithin;
      if (isStuck) {
        const chance = Math.log(dataset.classes).toFixed(4);
        ending = {
          status: 'stuck',
          reason: `mean loss ${meanLoss.toFixed(4)} is still chance (ln C = ${chance}) at step ${t}`,
        };
      }

      if (isStuck || t % plan.evalEvery === 0 || t === totalSteps) {
        const evalStart = performance.now();
        const scores = await evaluate(heldOut, dataset.shape, dataset.classes, evalStep);
        evalSeconds += (performance.now() - evalStart) / 1000;
        const evaluation: EvalMetrics = { step: t, epoch: t / stepsPerEpoch, ...scores };
        evaluations.push(evaluation);
        run.evaluation(evaluation);
        around.onEval?.(evaluation, plan);
      }
      if (isStuck) break;
      if (around.signal?.aborted && t < totalSteps) {
        await run.abandon('interrupted', `stopped after step ${t} of ${totalSteps}`);
        return undefined;
      }
    }
  } catch (error) {
    await abandon(error);
    throw error;
  } finally {
    await upcoming?.catch(() => undefined);
    await session.close();
  }

  // ── the result
  const last = evaluations.at(-1) ?? { step: t, epoch: t / stepsPerEpoch, loss: NaN, top1: NaN };
  const wallSeconds = (performance.now() - startedAt) / 1000;
  const medianMs = median(stepMs);
  const result: RunResult = {
    schema: 1,
    id: runId(experiment, experiment.seed, dataset.fingerprint),
    ...(around.study ? { study: around.study.name, arm: around.study.arm } : {}),
    seed: experiment.seed,
    ...ending,
    steps: t,
    epochs: t / stepsPerEpoch,
    last,
    best: evaluations.reduce((best, e) => (e.top1 > best.top1 ? e : best), last),
    trainSeconds: wallSeconds - evalSeconds,
    evalSeconds,
    compileSeconds,
    dataWaitShare: dataWaitMs / 1000 / Math.max(wallSeconds - evalSeconds, 1e-9),
    msPerStep: medianMs,
    imagesPerSecond: (batchSize / medianMs) * 1000,
    parameters: Object.values(model.params).reduce((total, { shape }) => total + sizeOf(shape), 0),
    stateRatio: optimizer.slots.length,
    backend: { ...around.record, device: session.device },
    fingerprint: dataset.fingerprint,
    activity: Object.fromEntries([...activity].map(([name, { sum, count }]) => [name, sum / count])),
    finishedAt: new Date().toISOString(),
  };
  await run.finish(result);
  return result;
}

const stepInputs = (
  batch: Batch,
  shape: readonly number[],
  scalars: Readonly<Record<string, number>>,
): HostTensors => ({
  images: { shape: [batch.labels.length, ...shape], data: batch.images },
  labels: { shape: [batch.labels.length], data: batch.labels },
  ...Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, hostScalar(value)])),
});

function meterValues(outputs: HostTensors): Record<string, number> | undefined {
  const meters = Object.entries(outputs).filter(([name]) => name.startsWith(METER));
  if (meters.length === 0) return undefined;
  return Object.fromEntries(meters.map(([name, { data }]) => [name.slice(METER.length), data[0]!]));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
