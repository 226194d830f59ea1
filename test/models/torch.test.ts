/** Networks and AdamW together: the first steps in PyTorch, from the same weights, give the same losses. */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { architectureOf } from '../../src/experiment/timing/bench.ts';
import { runState, trainInputs, trainStep } from '../../src/experiment/step.ts';
import { initModel } from '../../src/models/init.ts';
import { models } from '../../src/models/registry.ts';
import { optimizerSchema } from '../../src/optim/config.ts';
import { buildOptimizer } from '../../src/optim/ranger21.ts';
import { initState } from '../../src/optim/state.ts';
import { stream } from '../../src/random.ts';
import { hostScalar, sizeOf, type HostTensors } from '../../src/tensor/compile.ts';
import { isAbsent, usable } from '../backends.ts';

const python = process.env['RANGER21_TORCH'];
const works = python !== undefined && spawnSync(python, ['-c', 'import torch']).status === 0;
const reason = python === undefined ? 'RANGER21_TORCH names no Python with torch' : `${python} cannot import torch`;
const absent = isAbsent('torch', works ? undefined : reason);

const [steps, lr, weightDecay] = [5, 1e-3, 0.1];
const shape = [8, 16, 16, 3];
const input = { height: 16, width: 16, channels: 3, classes: 10 };
const draws = stream(5, 'order');
const batch = {
  images: { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => draws.normal()) },
  labels: { shape: [8], data: Int32Array.from({ length: 8 }, () => draws.below(10)) },
};

const cases = [
  { name: 'r8-basic', stem: 'cifar' },
  { name: 'r14-bottleneck-w8', stem: 'imagenet' },
] as const;

describe.skipIf(absent).each(cases)('$name, stem $stem', ({ name, stem }) => {
  const family = models[name];
  const model = family.build(family.options.parse({ stem, padding: 'torch' }), input);
  const initial = initModel(model, 3);
  const { classes, ...architecture } = architectureOf({ model: name, image: 16, stem })!;
  const expected = () => {
    const given = {
      ...architecture,
      classes: input.classes,
      params: Object.values(initial.params).map(({ shape, data }) => [shape, [...data]]),
      images: { shape, data: [...batch.images.data] },
      labels: [...batch.labels.data],
      ...{ lr, weightDecay, steps },
    };
    expect(classes).toBeGreaterThan(0);
    const script = 'test/models/torch_training.py';
    const { stdout, stderr, status } = spawnSync(python!, [script], { input: JSON.stringify(given), encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    return JSON.parse(stdout) as number[];
  };

  // float32 against float64: a tenth of that was seen (9e-7)
  test.each(usable)('the losses on $name are PyTorch’s to 1e-5', async (backend) => {
    const shapes = Object.fromEntries(Object.entries(initial.params).map(([key, { shape }]) => [key, shape]));
    const config = optimizerSchema.parse({ name: 'adamw', lr, weightDecay });
    const optimizer = buildOptimizer(config, { epochs: 1, stepsPerEpoch: steps }, shapes);
    const session = await backend.open(runState({ ...initial, slots: initState(optimizer, initial.params) }), {});
    const program = trainStep(model, optimizer, { labelSmoothing: 0, meters: false });
    const step = await session.compile(
      'train',
      program,
      trainInputs(8, shape.slice(1), Object.keys(optimizer.scalars(1))),
    );
    const losses: number[] = [];
    for (let t = 1; t <= steps; t++) {
      const scalars = Object.entries(optimizer.scalars(t)).map(([key, x]) => [key, hostScalar(x)]);
      losses.push((await step({ ...batch, ...(Object.fromEntries(scalars) as HostTensors) }))['loss']!.data[0]!);
    }
    await session.close();
    const ratios = expected().map((loss, t) => Math.abs(losses[t]! / loss - 1));
    console.log(`${name} on ${backend.name}: ${ratios.map((x) => x.toExponential(1)).join(' ')}`);
    expect(Math.max(...ratios)).toBeLessThan(1e-5);
  });
});
