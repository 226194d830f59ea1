/** What is checked before a study trains: that its baseline is AdamW, and what a step costs without an optimizer. */
import type { Experiment } from '../../config/schema.ts';
import type { Dataset } from '../../data/dataset.ts';
import { readChecks, writeChecks, type GradientTime, type OffAllGate, type StudyChecks } from '../../runs/checks.ts';
import { codeHash } from '../../runs/code.ts';
import { captureEnv } from '../../runs/env.ts';
import type { StudyPlan } from '../../runs/study.ts';
import type { HostTensors } from '../../tensor/compile.ts';
import { adamw, adamwWith } from './armOptimizers.ts';
import type { Engine } from '../execute.ts';
import { withFirstSteps } from '../firstSteps.ts';
import { backendText } from '../table/rows.ts';
import { median } from '../statistics/describe.ts';
import { gradientStep, trainStep } from '../step.ts';
import { planFor } from '../train.ts';

const STEPS = 20;
/** Largest difference of a weight that passes where sums have no fixed order: rounding, amplified over the steps; a component left on gives more than ten times it. */
const LOOSE = 1e-4;

/** The checks of a study that is about to train: those in its folder, or, where it has none of this code, made now and written there. */
export async function checkStudy(dir: string, plan: StudyPlan, dataset: Dataset, engine: Engine): Promise<StudyChecks> {
  const before = await readChecks(dir);
  const code = codeHash();
  if (before?.code === code) return before;
  const arm = plan.arms.find(({ name }) => name === plan.reference) ?? plan.arms[0]!;
  const experiment = { ...arm.experiment, seed: plan.seeds[0]! };
  const offAll = await offAllGate(experiment, dataset, engine);
  const gradient = await gradientTime(experiment, dataset, engine);
  const checks: StudyChecks = { schema: 1, offAll, gradient, code, checkedAt: new Date().toISOString() };
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
  return withFirstSteps(planFor(experiment, dataset), dataset, engine, async ({ plan, session, inputs }) => {
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
  return withFirstSteps(planFor(experiment, dataset), dataset, engine, async ({ plan, session, inputs }) => {
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

/** NaN where a difference is. */
export const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let most = 0;
  for (let i = 0; i < b.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
};
