/** Runs pure functions and whole optimizers on a backend, with plain numbers in and out. */
import { optimizerSchema, type OptimizerConfig } from '../../src/optim/config.ts';
import type { RunLength } from '../../src/optim/component.ts';
import { buildOptimizer } from '../../src/optim/ranger21.ts';
import { initState } from '../../src/optim/state.ts';
import {
  hostScalar,
  joined,
  scalarSpec,
  specOf,
  under,
  type Backend,
  type HostTensors,
} from '../../src/tensor/compile.ts';
import type { Tensor, Tensors } from '../../src/tensor/ops.ts';
import type { z } from 'zod';

export type Values = Readonly<
  Record<string, { readonly shape: readonly number[]; readonly values: readonly number[] }>
>;
export const of = (shape: readonly number[], values: readonly number[]) => ({ shape, values });

const hosted = (values: Values): HostTensors =>
  Object.fromEntries(
    Object.entries(values).map(([name, { shape, values: data }]) => [name, { shape, data: Float32Array.from(data) }]),
  );
const plain = (values: HostTensors): Record<string, number[]> =>
  Object.fromEntries(Object.entries(values).map(([name, { data }]) => [name, [...data]]));

/** f of tensors, evaluated once. */
export async function evaluate(
  backend: Backend,
  inputs: Values,
  f: (inputs: Tensors) => Readonly<Record<string, Tensor>>,
): Promise<Record<string, number[]>> {
  const host = hosted(inputs);
  const session = await backend.open({ unused: hostScalar(0) }, {});
  const specs = Object.fromEntries(Object.entries(host).map(([name, value]) => [name, specOf(value)]));
  const run = await session.compile('f', (_, given) => ({ outputs: f(given) }), specs);
  const outputs = await run(host);
  await session.close();
  return plain(outputs);
}

export const config = (written: z.input<typeof optimizerSchema>): OptimizerConfig => optimizerSchema.parse(written);

/** Every component off but those given; constant rate. */
export const alone = (
  components: Exclude<NonNullable<z.input<typeof optimizerSchema>['components']>, unknown[]>,
  rest: z.input<typeof optimizerSchema> = {},
): OptimizerConfig => {
  const off = { agc: false, gc: false, gradnorm: false, pnm: false, softplus: false, swd: false };
  const alsoOff = { normloss: false, warmup: false, warmdown: false, lookahead: false };
  return config({ lr: 0.01, weightDecay: 0, ...rest, components: { ...off, ...alsoOff, ...components } });
};

export interface Trainer {
  /** Takes step t with these gradients and returns the weights after it (and its merge), and the meters. */
  step(t: number, grads: Values): Promise<{ params: Record<string, number[]>; meters: Record<string, number> }>;
  read(): Promise<HostTensors>;
  write(state: HostTensors): Promise<void>;
  close(): Promise<void>;
}

/** A session that holds parameters and optimizer state. */
export async function trainer(
  backend: Backend,
  optimizerConfig: OptimizerConfig,
  params: Values,
  run: RunLength = { epochs: 1, stepsPerEpoch: 100 },
): Promise<Trainer> {
  const host = hosted(params);
  const shapes = Object.fromEntries(Object.entries(params).map(([name, { shape }]) => [name, shape]));
  const optimizer = buildOptimizer(optimizerConfig, run, shapes);
  const session = await backend.open(joined({ params: host, slots: initState(optimizer, host) }), {});
  const specs = {
    ...Object.fromEntries(Object.entries(host).map(([name, value]) => [`grads/${name}`, specOf(value)])),
    ...Object.fromEntries(Object.keys(optimizer.scalars(1)).map((name) => [`scalars/${name}`, scalarSpec])),
  };
  const step = await session.compile(
    'step',
    (state, inputs) => {
      const meters: Record<string, Tensor> = {};
      const [slots, scalars] = [under(state, 'slots'), under(inputs, 'scalars')];
      const next = optimizer.update(under(state, 'params'), under(inputs, 'grads'), slots, scalars, meters);
      return {
        state: joined({ params: next.params, slots: next.state }),
        outputs: joined({ params: next.params, meters }),
      };
    },
    specs,
  );
  const merge = await session.compile(
    'merge',
    (state) => {
      const meters: Record<string, Tensor> = {};
      const next = optimizer.merge(under(state, 'params'), under(state, 'slots'), meters);
      return {
        state: joined({ params: next.params, slots: next.state }),
        outputs: joined({ params: next.params, meters }),
      };
    },
    {},
  );
  return {
    async step(t, grads) {
      const scalars = Object.entries(optimizer.scalars(t)).map(([name, value]) => [
        `scalars/${name}`,
        hostScalar(value),
      ]);
      let outputs = await step({
        ...joined({ grads: hosted(grads) }),
        ...(Object.fromEntries(scalars) as HostTensors),
      });
      if (optimizer.variant(t) === 'merge') outputs = { ...outputs, ...(await merge({})) };
      const meters = Object.entries(under(outputs, 'meters')).map(([name, { data }]) => [name, data[0]!]);
      return { params: plain(under(outputs, 'params')), meters: Object.fromEntries(meters) as Record<string, number> };
    },
    read: () => session.read(),
    write: (state) => session.write(state),
    close: () => session.close(),
  };
}
