/** What is checked before a study trains: that its baseline is AdamW, and what a step costs without an optimizer. */
import type { Experiment } from '../config/schema.ts';
import { trainBatches } from '../data/batches.ts';
import type { Dataset } from '../data/dataset.ts';
import { initModel } from '../models/init.ts';
import { initState } from '../optim/state.ts';
import { readChecks, writeChecks, type GradientTime, type OffAllGate, type StudyChecks } from '../runs/checks.ts';
import { captureEnv } from '../runs/env.ts';
import type { StudyPlan } from '../runs/study.ts';
import type { HostTensors, Session } from '../tensor/compile.ts';
import { adamw, adamwWith } from './armOptimizers.ts';
import type { Engine } from './execute.ts';
import { dataFacts } from './plan.ts';
import { stepInputs } from './programs.ts';
import { backendText } from './rows.ts';
import { median } from './statistics/describe.ts';
import { gradientStep, runState, trainInputs, trainStep } from './step.ts';
import { planRun, type Plan } from './train.ts';

const STEPS = 20;
/** Largest difference of a weight that passes where sums have no fixed order. */
const LOOSE = 1e-4;

/** The checks of a study that is about to train: those in its folder, or made now and written there. */
export async function checkStudy(dir: string, plan: StudyPlan, dataset: Dataset, engine: Engine): Promise<StudyChecks> {
  const before = await readChecks(dir);
  if (before) return before;
  const arm = plan.arms.find(({ name }) => name === plan.reference) ?? plan.arms[0]!;
  const experiment = { ...arm.experiment, seed: plan.seeds[0]! };
  const offAll = await offAllGate(experiment, dataset, engine);
  const gradient = await gradientTime(experiment, dataset, engine);
  const checks: StudyChecks = { schema: 1, offAll, gradient, checkedAt: new Date().toISOString() };
  await writeChecks(dir, checks);
  return checks;
}

/**
 * Trains a few steps with every component off and with AdamW itself, from the same weights on the same batches, and
 * compares the weights. They must not differ at all where the engine repeats its sums (`strict`): whatever a component
 * left behind when it was switched off would be charged to the others in every row.
 */
export async function offAllGate(
  experiment: Experiment,
  dataset: Dataset,
  engine: Engine,
  off = adamwWith(experiment.optimizer, {}),
): Promise<OffAllGate> {
  const [a, b] = [
    await trainedWeights({ ...experiment, optimizer: off }, dataset, engine),
    await trainedWeights({ ...experiment, optimizer: adamw(experiment.optimizer) }, dataset, engine),
  ];
  const largestDifference = Math.max(...Object.keys(b).map((name) => largest(a[name]!.data, b[name]!.data)));
  const tolerance = engine.session.determinism === 'strict' ? 0 : LOOSE;
  return { steps: STEPS, largestDifference, tolerance, passed: largestDifference <= tolerance };
}

async function trainedWeights(experiment: Experiment, dataset: Dataset, engine: Engine): Promise<HostTensors> {
  return withSteps(experiment, dataset, engine, async ({ plan, session, inputs }) => {
    const { model, optimizer } = plan;
    const program = trainStep(model, optimizer, { labelSmoothing: experiment.train.labelSmoothing, meters: false });
    const step = await session.compile('step', program, inputs.specs);
    for (let t = 1; t <= STEPS; t++) await step(await inputs.of(t));
    return session.read(Object.keys(model.params).map((name) => `params/${name}`));
  });
}

/** Median time of forward and backward pass alone; a run's step time less this is what its optimizer takes. */
async function gradientTime(experiment: Experiment, dataset: Dataset, engine: Engine): Promise<GradientTime> {
  const { cpu } = await captureEnv(engine.record);
  return withSteps(experiment, dataset, engine, async ({ plan, session, inputs }) => {
    const program = gradientStep(plan.model, experiment.train.labelSmoothing);
    const step = await session.compile('gradient', program, inputs.specs);
    const times: number[] = [];
    for (let t = 1; t <= STEPS; t++) {
      const given = await inputs.of(t);
      const start = performance.now();
      await step(given);
      times.push(performance.now() - start);
    }
    const backend = backendText({ ...engine.record, device: session.device });
    return { ms: median(times), hardware: `${backend} on ${cpu.model}` };
  });
}

interface Steps {
  readonly plan: Plan;
  readonly session: Session;
  readonly inputs: { readonly specs: ReturnType<typeof trainInputs>; of(t: number): Promise<HostTensors> };
}

/** A session over the experiment's first state, and what its first steps are given. */
async function withSteps<T>(
  experiment: Experiment,
  dataset: Dataset,
  { backend, session: options }: Engine,
  use: (steps: Steps) => Promise<T>,
): Promise<T> {
  const plan = planRun(experiment, { ...dataFacts(dataset), shape: dataset.shape });
  const { model, optimizer } = plan;
  const data = trainBatches(dataset, { ...experiment.train, seed: experiment.seed });
  const initial = initModel(model, experiment.seed);
  const session = await backend.open(runState({ ...initial, slots: initState(optimizer, initial.params) }), options);
  try {
    const specs = trainInputs(experiment.train.batch, dataset.shape, Object.keys(optimizer.scalars(1)));
    const of = async (t: number) => stepInputs(await data.batch(t), dataset.shape, optimizer.scalars(t));
    return await use({ plan, session, inputs: { specs, of } });
  } finally {
    await session.close();
    await data.close?.();
  }
}

const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let most = 0;
  for (let i = 0; i < b.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= most)) most = difference; // NaN is the largest of all
  }
  return most;
};
