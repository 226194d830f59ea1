/** A few real steps on made-up images, to say what a run would cost. */
import { initModel } from '../models/init.ts';
import { initState } from '../optim/state.ts';
import { stream } from '../random.ts';
import { hostScalar, sizeOf, type HostTensors } from '../tensor/compile.ts';
import type { Engine } from './execute.ts';
import { runState, trainInputs, trainStep } from './step.ts';
import type { Plan } from './train.ts';

export interface Probe {
  readonly parameters: number;
  /** Images in the probe: the run's batch, or what fits a probe of a large network. */
  readonly batch: number;
  /** For the run's batch: the fastest of the probe's steps, scaled. */
  readonly msPerStep: number;
  /** For the run's batch: state twice (old and new) plus what the probe's steps added to the process, scaled. */
  readonly memoryBytes: number;
}

const STEPS = 3;
/** Forward multiply–accumulates a probe may cost a step: about a second on two cores. */
const MACS = 1e10;

export async function probeStep({ experiment, facts, model, optimizer }: Plan, engine: Engine): Promise<Probe> {
  const wanted = experiment.train.batch;
  const batch = Math.max(1, Math.min(wanted, Math.floor(MACS / model.macs)));
  const initial = initModel(model, experiment.seed);
  const state = runState({ ...initial, slots: initState(optimizer, initial.params) });
  const stateBytes = Object.values(state).reduce((total, { shape }) => total + 4 * sizeOf(shape), 0);
  const parameters = Object.values(model.params).reduce((total, { shape }) => total + sizeOf(shape), 0);

  const before = process.memoryUsage().rss;
  const session = await engine.backend.open(state, engine.session);
  try {
    const scalars = optimizer.scalars(1);
    const program = trainStep(model, optimizer, { labelSmoothing: experiment.train.labelSmoothing, meters: false });
    const step = await session.compile('step', program, trainInputs(batch, facts.shape, Object.keys(scalars)));
    let best = Infinity;
    let after = before;
    for (let i = 0; i < STEPS; i++) {
      const start = performance.now();
      await step(inputs(batch, facts.shape, facts.classes, scalars));
      best = Math.min(best, performance.now() - start);
      after = Math.max(after, process.memoryUsage().rss);
    }
    const scale = wanted / batch;
    const workBytes = Math.max(0, after - before - 2 * stateBytes);
    return { parameters, batch, msPerStep: best * scale, memoryBytes: 2 * stateBytes + workBytes * scale };
  } finally {
    await session.close();
  }
}

/** Images from a unit normal, as normalised images roughly are. */
function inputs(
  batch: number,
  shape: readonly number[],
  classes: number,
  scalars: Readonly<Record<string, number>>,
): HostTensors {
  const draws = stream(0, 'synthetic');
  const images = Float32Array.from({ length: batch * sizeOf(shape) }, () => draws.normal());
  const labels = Int32Array.from({ length: batch }, (_, i) => i % classes);
  return {
    images: { shape: [batch, ...shape], data: images },
    labels: { shape: [batch], data: labels },
    ...Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, hostScalar(value)])),
  };
}
