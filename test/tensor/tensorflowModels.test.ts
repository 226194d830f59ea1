/** Whole training steps on `tensorflow` against the `cpu` oracle: networks with batch norm and with standardised kernels. */
import { describe, expect, test } from 'vitest';
import { trainInputs, trainStep, runState, mergeStep } from '../../src/experiment/step.ts';
import { initModel } from '../../src/models/init.ts';
import { models, type ModelName } from '../../src/models/registry.ts';
import { optimizerSchema } from '../../src/optim/config.ts';
import { buildOptimizer } from '../../src/optim/ranger21.ts';
import { initState } from '../../src/optim/state.ts';
import { stream } from '../../src/random.ts';
import { backend as cpu } from '../../src/tensor/backends/cpu/backend.ts';
import { backend as tensorflow } from '../../src/tensor/backends/tensorflow/backend.ts';
import {
  hostScalar,
  sizeOf,
  type Backend,
  type HostTensor,
  type HostTensors,
  type Program,
} from '../../src/tensor/compile.ts';
import { softmaxCrossEntropy, valueAndGrad } from '../../src/tensor/ops.ts';
import { relativeError } from './opCases.ts';
import { isMissing } from '../backends.ts';

const input = { height: 12, width: 12, channels: 3, classes: 5 };
const imageShape = [6, 12, 12, 3];

function batchOf(step: number): { images: HostTensor; labels: HostTensor } {
  const draws = stream(5, 'order', step);
  return {
    images: { shape: imageShape, data: Float32Array.from({ length: sizeOf(imageShape) }, () => draws.normal()) },
    labels: { shape: [6], data: Int32Array.from({ length: 6 }, () => draws.below(5)) },
  };
}

const build = (name: ModelName) => {
  const family = models[name];
  const model = family.build(family.options.parse({}), input);
  return { model, ...initModel(model, 3) };
};

describe.skipIf(isMissing('tensorflow'))('against cpu', () => {
  // the bound every backend has to keep, relative to the largest element of a gradient
  test.each(['r8-basic', 'nf-r8-basic', 'r14-bottleneck-w8', 'nf-r14-bottleneck-w8'] as const)(
    'gradients of %s agree to 1e-4',
    async (name) => {
      const { model, params, stats } = build(name);
      const program: Program = (state, { images, labels }) => {
        const { loss, grads } = valueAndGrad((p) => {
          const { logits } = model.apply(p, statsOf(state), images!, { training: true });
          return { loss: softmaxCrossEntropy(logits, labels!, 0.1), aux: {} };
        }, paramsOf(state));
        return { outputs: { loss, ...grads } };
      };
      const paramsOf = (state: Parameters<Program>[0]) => pick(state, Object.keys(params));
      const statsOf = (state: Parameters<Program>[0]) => pick(state, Object.keys(stats));
      const on = async (backend: Backend) => {
        const session = await backend.open({ ...params, ...stats }, {});
        const run = await session.compile('gradients', program, trainInputs(6, imageShape.slice(1), []));
        const outputs = await run(batchOf(1));
        await session.close();
        return outputs;
      };
      const [found, expected] = [await on(tensorflow), await on(cpu)];
      const worst = Math.max(
        ...Object.keys(expected).map((key) => relativeError(found[key]!.data, expected[key]!.data)),
      );
      expect(worst).toBeLessThan(1e-4);
    },
  );

  // Adam divides by √v: where a gradient is near zero, its rounding error grows to the size of a step; at this rate it does not yet (9e-8)
  test.each(['adamw', 'ranger21'] as const)(
    'three steps of %s with a merge give the same losses',
    async (optimizer) => {
      const { model, params, stats } = build('r8-basic');
      const shapes = Object.fromEntries(Object.entries(params).map(([key, { shape }]) => [key, shape]));
      const ranger = buildOptimizer(
        optimizerSchema.parse({ name: optimizer, lr: 0.001 }),
        { epochs: 1, stepsPerEpoch: 8 },
        shapes,
      );
      const on = async (backend: Backend) => {
        const session = await backend.open(runState({ params, stats, slots: initState(ranger, params) }), {});
        const scalars = Object.keys(ranger.scalars(1));
        const options = { labelSmoothing: 0, meters: true };
        const step = await session.compile(
          'train',
          trainStep(model, ranger, options),
          trainInputs(6, imageShape.slice(1), scalars),
        );
        const merge = optimizer === 'ranger21' ? await session.compile('merge', mergeStep(ranger), {}) : undefined;
        const losses: HostTensors[] = [];
        for (let t = 1; t <= 3; t++) {
          const given = Object.entries(ranger.scalars(t)).map(([key, value]) => [key, hostScalar(value)]);
          losses.push(await step({ ...batchOf(t), ...(Object.fromEntries(given) as HostTensors) }));
          if (t === 2) await merge?.({});
        }
        await session.close();
        return losses;
      };
      const [found, expected] = [await on(tensorflow), await on(cpu)];
      expected.forEach((outputs, t) => {
        expect(Object.keys(found[t]!)).toEqual(Object.keys(outputs));
        for (const key of ['loss', 'gradNorm', 'paramNorm', 'updateNorm']) {
          expect(relativeError(found[t]![key]!.data, outputs[key]!.data), `${key} of step ${t + 1}`).toBeLessThan(5e-6);
        }
      });
    },
  );
});

const pick = <T>(all: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> =>
  Object.fromEntries(names.map((name) => [name, all[name]!]));
