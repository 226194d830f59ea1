/** A few steps of Ranger21 on made-up images: what a backend makes of a whole training. */
import { runState, trainInputs, trainStep } from '../../src/experiment/step.ts';
import { initModel } from '../../src/models/init.ts';
import { models, type ModelName } from '../../src/models/registry.ts';
import { optimizerSchema } from '../../src/optim/config.ts';
import { buildOptimizer } from '../../src/optim/ranger21.ts';
import { initState } from '../../src/optim/state.ts';
import { stream } from '../../src/random.ts';
import { hostScalar, sizeOf, type Backend, type HostTensors } from '../../src/tensor/compile.ts';

const input = { height: 12, width: 12, channels: 3, classes: 5 };
const shape = [8, 12, 12, 3];

/** The loss of each step; the same eight images every time. */
export async function trainedLosses(backend: Backend, name: ModelName, steps: number): Promise<number[]> {
  const family = models[name];
  const model = family.build(family.options.parse({}), input);
  const { params, stats } = initModel(model, 3);
  const shapes = Object.fromEntries(Object.entries(params).map(([key, { shape }]) => [key, shape]));
  const config = optimizerSchema.parse({ name: 'ranger21', lr: 1e-3 });
  const optimizer = buildOptimizer(config, { epochs: 1, stepsPerEpoch: steps }, shapes);
  const session = await backend.open(runState({ params, stats, slots: initState(optimizer, params) }), {});
  const program = trainStep(model, optimizer, { labelSmoothing: 0, meters: false });
  const inputs = trainInputs(8, shape.slice(1), Object.keys(optimizer.scalars(1)));
  const step = await session.compile('train', program, inputs);
  const draws = stream(5, 'order');
  const batch: HostTensors = {
    images: { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => draws.normal()) },
    labels: { shape: [8], data: Int32Array.from({ length: 8 }, () => draws.below(5)) },
  };
  const losses: number[] = [];
  for (let t = 1; t <= steps; t++) {
    const scalars = Object.entries(optimizer.scalars(t)).map(([key, x]) => [key, hostScalar(x)]);
    losses.push((await step({ ...batch, ...(Object.fromEntries(scalars) as HostTensors) }))['loss']!.data[0]!);
  }
  await session.close();
  return losses;
}
