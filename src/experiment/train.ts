/** Trains one experiment. Read this first: it goes straight down. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Experiment } from '../config/schema.ts';
import { evalBatches, trainBatches } from '../data/batches.ts';
import type { Batch, Batches, Dataset, EvalBatches } from '../data/dataset.ts';
import type { Facts } from '../data/registry.ts';
import { UserError } from '../errors.ts';
import { initModel, sharedStart } from '../models/init.ts';
import type { Model } from '../models/model.ts';
import { models } from '../models/registry.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { buildOptimizer } from '../optim/ranger21.ts';
import { runProblems } from '../optim/schedule.ts';
import { initState } from '../optim/state.ts';
import { runId } from '../runs/id.ts';
import type { BackendRecord, EvalMetrics, RunResult, StepMetrics } from '../runs/metrics.ts';
import type { RunWriter } from '../runs/store.ts';
import { begin } from '../spans.ts';
import { joined, type Backend, type HostTensors, type Session, type SessionOptions } from '../tensor/compile.ts';
import { divergenceReport, firstTensor } from './divergence.ts';
import type { Belongings } from './drift.ts';
import { evaluate } from './evaluate.ts';
import { chanceOf, labelCounts, priorOf, priorScores } from './guessing.ts';
import { compilePrograms, meterValues, stepInputs } from './programs.ts';
import { countEvaluation, countStep, hashBatch, newProgress, PAIRED_BATCHES, stopwatch } from './progress.ts';
import type { Ending, Progress } from './progress.ts';
import { completePairing, runResult } from './result.ts';
import { onPixels } from './onPixels.ts';
import { newSaving, type Saving } from './saving.ts';
import { stepsOf } from './rhythm.ts';
import { runState } from './step.ts';
import { brokenMetric, endingOfEvaluation, endingOfRun, endingOfStep, stuckRule } from './stop.ts';
import { tensorsHash } from './tensorsHash.ts';

/** What a run is made of before it touches data or a device. */
export interface Plan {
  readonly experiment: Experiment;
  readonly facts: Required<Facts>;
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
  /** What a checkpoint of this run belongs to. */
  readonly belongings: Belongings;
  /** Where to go on from. */
  readonly from?: { readonly progress: Progress; readonly state: HostTensors } | undefined;
  readonly study?: { readonly name: string; readonly arm: string };
  readonly onStep?: (metrics: StepMetrics, plan: Plan) => void;
  readonly onEval?: (metrics: EvalMetrics, plan: Plan) => void;
  /** Receives what the user should know though the run goes on. */
  readonly tell?: (line: string) => void;
  /** Asks the run to end after the current step; its reason is told. */
  readonly signal?: AbortSignal;
}

/** The plan for a data set that is loaded. */
export const planFor = (experiment: Experiment, { shape, classes, mean, std, scale, train, test }: Dataset): Plan =>
  planRun(experiment, { shape, classes, mean, std, scale, train: train.count, test: test.count });

/** Builds model and optimizer for a data set; throws a UserError where they do not fit. */
export function planRun(experiment: Experiment, facts: Required<Facts>): Plan {
  const { name, ...options } = experiment.model;
  const [height, width, channels] = facts.shape;
  const input = { height, width, channels, classes: facts.classes };
  const centralised = experiment.optimizer.components.gc !== false;
  const model = onPixels(models[name].build(options, input, { centralised }), facts);
  const { epochs, batch } = experiment.train;
  const stepsPerEpoch = Math.floor(facts.train / batch);
  refuseOtherLength(experiment, facts.train, stepsPerEpoch);
  const shapes = Object.fromEntries(Object.entries(model.params).map(([name, { shape }]) => [name, shape]));
  const optimizer = buildOptimizer(experiment.optimizer, { epochs, stepsPerEpoch }, shapes);
  const evalEvery = stepsOf(experiment.eval.every, stepsPerEpoch)!; // the schema takes nothing else
  const totalSteps = epochs * stepsPerEpoch;
  const { lookahead } = experiment.optimizer.components;
  const merges = lookahead !== false && lookahead.k <= totalSteps;
  return { experiment, facts, model, optimizer, stepsPerEpoch, totalSteps, evalEvery, merges };
}

/** What a config is checked for where it says how many images there are is checked here for those that were found. */
function refuseOtherLength({ optimizer, train }: Experiment, images: number, stepsPerEpoch: number): void {
  if (stepsPerEpoch < 1) {
    throw new UserError(`train.batch is ${train.batch}, and there are ${images} images to train on`, {
      remedy: `set train.batch to ${images} or less`,
    });
  }
  const [problem] = runProblems(optimizer, { epochs: train.epochs, stepsPerEpoch });
  if (problem) throw new UserError(problem.message, { remedy: problem.remedy });
}

/**
 * Trains to the end, or until a stop rule ends the run, and writes the run folder as it goes; from a checkpoint on, where one
 * is given. Returns undefined where the signal ended it: its state is saved then.
 */
export async function train(plan: Plan, dataset: Dataset, around: Surroundings): Promise<RunResult | undefined> {
  const { experiment, model, optimizer, stepsPerEpoch, totalSteps } = plan;
  const { run, signal, tell = () => undefined } = around;
  const progress = around.from?.progress ?? newProgress();
  const startedFrom = progress.step;
  const stepsHere = () => ({ step: progress.step, stepsHere: progress.step - startedFrom });
  const spend = stopwatch(progress.seconds);
  let session: Session | undefined;
  let saving: Saving | undefined;
  let upcoming: Promise<Batch> | undefined;
  const sources: (Batches | EvalBatches)[] = [];

  try {
    // ── data, state and programs
    const data = trainBatches(dataset, { ...experiment.train, seed: experiment.seed });
    const heldOut = evalBatches(dataset, { batch: experiment.eval.batch });
    sources.push(data, heldOut);
    const initial = initModel(model, experiment.seed);
    const fresh = runState({ ...initial, slots: initState(optimizer, initial.params) });
    session = await around.backend.open(around.from ? inOrderOf(fresh, around.from.state) : fresh, around.session);
    const programs = await compilePrograms(plan, session, heldOut.batchSize);
    saving = newSaving({
      ...{ plan, run, session, from: startedFrom, tell },
      record: { id: runId(experiment, experiment.seed, dataset.fingerprint), drift: around.belongings },
    });
    const prefetch = (step: number) => {
      upcoming = step > totalSteps ? undefined : data.batch(step);
      upcoming?.catch(() => undefined); // told where it is awaited, not as an unhandled rejection before
    };
    prefetch(progress.step + 1);
    const labels = labelCounts(dataset);
    const prior = priorOf(labels.train, experiment.train.labelSmoothing);
    const chance = chanceOf(labels, experiment.train.labelSmoothing);
    spend('compile');

    // ── the loop: each turn starts after a whole step, where a run may also have been taken up again
    for (;;) {
      if (isEvaluationDue(plan, progress)) {
        const scores = await evaluate(heldOut, dataset.shape, dataset.classes, programs.evaluate, signal);
        spend('eval');
        if (scores) {
          const evaluation: EvalMetrics = { step: progress.step, epoch: progress.step / stepsPerEpoch, ...scores };
          countEvaluation(progress, evaluation);
          run.evaluation(evaluation);
          around.onEval?.(evaluation, plan);
          endWith(progress, endingOfEvaluation(plan, progress));
        }
      }
      if (isFinished(plan, progress)) {
        if (progress.step === totalSteps) endWith(progress, endingOfRun(plan, progress, chance));
        break;
      }
      if (signal?.aborted) {
        await saving.now(progress);
        const text = `stopped after step ${progress.step} of ${totalSteps}`;
        await run.abandon('interrupted', text, stepsHere());
        return undefined;
      }
      if (saving.isDue(progress)) {
        await saving.start(progress);
        spend('checkpoint');
      }

      // one step
      const t = progress.step + 1;
      const [endTurn, endWait] = [begin('turn'), begin('wait')];
      const waitStart = performance.now();
      const batch = await upcoming!;
      endWait();
      const dataWaitMs = performance.now() - waitStart;
      const stepStart = performance.now();
      const running = programs.step(t, stepInputs(batch, dataset.shape, optimizer.scalars(t)));
      await nextTurn(); // the step is under way; signals, timers and the disk get their turn
      if (t <= PAIRED_BATCHES) progress.batches = hashBatch(progress.batches, batch);
      prefetch(t + 1); // assembled while the step runs
      const outputs = await running;
      const ms = performance.now() - stepStart;

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
        ...(meters ? { meters } : {}),
        ...{ ms, imagesPerSecond: experiment.train.batch / ((ms + dataWaitMs) / 1000), dataWaitMs },
      };
      countStep(progress, metrics, priorScores(prior, batch.labels), stuckRule(plan).window);
      spend('train');
      run.step(metrics);
      around.onStep?.(metrics, plan);

      const broken = brokenMetric(metrics);
      if (broken) {
        const state = await session.read();
        const report = divergenceReport(metrics, batch, Object.keys(model.params), outputs['gradNorms']!.data, state);
        const { images, labels } = stepInputs(batch, dataset.shape, {});
        await run.diverged(report, { state, batch: { images: images!, labels: labels! } });
        const reason = `${broken} is ${metrics[broken]} at step ${t}${firstTensor(report)}`;
        endWith(progress, { status: 'diverged', reason });
      } else {
        endWith(progress, endingOfStep(plan, progress, chance));
      }
      batch.release();
      endTurn();
    }

    // ── the result
    const weights = await session.read(Object.keys(fresh).filter((name) => /^(params|stats)\//.test(name)));
    const result = runResult(plan, dataset, progress, {
      chance,
      study: around.study,
      backend: { ...around.record, device: session.device },
      code: around.belongings.code,
      weights: tensorsHash(weights),
      pairing: await completePairing(
        tensorsHash(joined(sharedStart(model, experiment.seed))),
        data,
        totalSteps,
        progress,
      ),
      attempts: run.attempt,
    });
    await saving.complete(progress); // before the result: with it the run is finished, and nobody would write its weights again
    await run.finish(result, stepsHere().stepsHere);
    await saving.tidy(progress).catch((error: unknown) => {
      tell(`checkpoints that are no longer needed were not removed: ${(error as Error).message}`);
    });
    return result;
  } catch (error) {
    await saving?.settle(); // while this process still has the run: later it would write into another's
    const reason = error instanceof Error ? error.message : String(error);
    await run.abandon('failed', reason, stepsHere()).catch(() => undefined); // the first failure is the one to tell
    throw error;
  } finally {
    await upcoming?.catch(() => undefined);
    for (const source of sources) await source.close?.();
    await session?.close();
  }
}

/** Whether the run owes an evaluation of the step it is at: every so often, and where it ends, unless it diverged. */
const isEvaluationDue = ({ evalEvery, totalSteps }: Plan, { step, last, ending }: Progress): boolean =>
  step > 0 &&
  last?.step !== step &&
  ending?.status !== 'diverged' &&
  (ending !== undefined || step % evalEvery === 0 || step === totalSteps);

const isFinished = (plan: Plan, progress: Progress): boolean =>
  (progress.ending !== undefined || progress.step === plan.totalSteps) && !isEvaluationDue(plan, progress);

/** The first reason to end stands. */
function endWith(progress: Progress, ending: Ending | undefined): void {
  if (ending && !progress.ending) progress.ending = ending;
}

/** The saved state with the names and shapes, and in the order, of a fresh one. */
function inOrderOf(fresh: HostTensors, saved: HostTensors): HostTensors {
  const names = Object.keys(fresh);
  const odd = [...names, ...Object.keys(saved)].find((name) => fresh[name]?.shape.join() !== saved[name]?.shape.join());
  if (odd === undefined) return Object.fromEntries(names.map((name) => [name, saved[name]!]));
  throw new UserError(`the checkpoint does not fit this model: ${odd} has another shape, or is only in one of them`, {
    remedy: 'start again from step 1 with --no-resume',
  });
}
