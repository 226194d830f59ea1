/** A few real steps on made-up images, to say what a run would cost. */
import { initModel } from '../../models/init.ts';
import { initState } from '../../optim/state.ts';
import { stream } from '../../random.ts';
import { hostScalar, sizeOf, type HostTensors } from '../../tensor/compile.ts';
import type { Engine } from '../execute.ts';
import { runState, trainInputs, trainStep } from '../step.ts';
import type { Plan } from '../train.ts';

export interface Probe {
  readonly parameters: number;
  /** Largest batch that was run: the experiment's, or what fits a probe of a large network. */
  readonly batch: number;
  /** For the experiment's batch: the fastest of the probe's steps, or the line through two smaller batches. */
  readonly msPerStep: number;
  /** Peak memory of the process, likewise. */
  readonly memoryBytes: number;
}

const STEPS = 3;
/** Forward multiply–accumulates a probe may cost a step: a few seconds on two cores. */
const MACS = 4e10;

export async function probeStep(plan: Plan, engine: Engine): Promise<Probe> {
  const wanted = plan.experiment.train.batch;
  const largest = Math.max(2, Math.floor(MACS / plan.model.macs));
  const parameters = Object.values(plan.model.params).reduce((total, { shape }) => total + sizeOf(shape), 0);
  if (wanted <= largest) return { parameters, batch: wanted, ...(await timeSteps(plan, engine, wanted)) };

  // the optimizer and the weights cost the same whatever the batch: two points tell their share
  const smallest = Math.max(1, Math.floor(largest / 8));
  const [small, large] = [await timeSteps(plan, engine, smallest), await timeSteps(plan, engine, largest)];
  const at = (key: 'msPerStep' | 'memoryBytes') => {
    const perImage = Math.max(0, large[key] - small[key]) / (largest - smallest);
    return large[key] + perImage * (wanted - largest);
  };
  return { parameters, batch: largest, msPerStep: at('msPerStep'), memoryBytes: at('memoryBytes') };
}

async function timeSteps({ experiment, facts, model, optimizer }: Plan, engine: Engine, batch: number) {
  const initial = initModel(model, experiment.seed);
  const state = runState({ ...initial, slots: initState(optimizer, initial.params) });
  const session = await engine.backend.open(state, engine.session);
  try {
    const scalars = optimizer.scalars(1);
    const program = trainStep(model, optimizer, { labelSmoothing: experiment.train.labelSmoothing, meters: false });
    const step = await session.compile('step', program, trainInputs(batch, facts.shape, Object.keys(scalars), 'uint8'));
    const measured = { msPerStep: Infinity, memoryBytes: 0 };
    for (let i = 0; i < STEPS; i++) {
      const start = performance.now();
      await step(inputs(batch, facts.shape, facts.classes, scalars));
      measured.msPerStep = Math.min(measured.msPerStep, performance.now() - start);
      measured.memoryBytes = Math.max(measured.memoryBytes, process.memoryUsage().rss);
    }
    return measured;
  } finally {
    await session.close();
  }
}

/** Images of noise. */
function inputs(
  batch: number,
  shape: readonly number[],
  classes: number,
  scalars: Readonly<Record<string, number>>,
): HostTensors {
  const draws = stream(0, 'synthetic');
  const images = Uint8Array.from({ length: batch * sizeOf(shape) }, () => draws.below(256));
  const labels = Int32Array.from({ length: batch }, (_, i) => i % classes);
  return {
    images: { shape: [batch, ...shape], data: images },
    labels: { shape: [batch], data: labels },
    ...Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, hostScalar(value)])),
  };
}
