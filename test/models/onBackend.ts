/** A model's forward and backward pass on a backend, values in and values out. */
import type { Model } from '../../src/models/model.ts';
import { backend as cpu } from '../../src/tensor/backends/cpu/backend.ts';
import {
  joined,
  specOf,
  under,
  type Backend,
  type HostTensor,
  type HostTensors,
  type Program,
} from '../../src/tensor/compile.ts';
import { softmaxCrossEntropy, valueAndGrad } from '../../src/tensor/ops.ts';

export interface Values {
  readonly params: HostTensors;
  readonly stats: HostTensors;
}

export async function once(
  program: Program,
  state: HostTensors,
  inputs: HostTensors,
  backend: Backend,
): Promise<HostTensors> {
  const session = await backend.open(state, {});
  try {
    const specs = Object.fromEntries(Object.entries(inputs).map(([name, x]) => [name, specOf(x)]));
    const outputs = await (await session.compile('once', program, specs))(inputs);
    return outputs;
  } finally {
    await session.close();
  }
}

/** One forward and backward pass in training mode. */
export async function trained(
  model: Model,
  { params, stats }: Values,
  inputs: { images: HostTensor; labels: HostTensor },
  smoothing = 0,
  backend = cpu,
) {
  const outputs = await once(
    (state, { images, labels }) => {
      const { loss, grads, aux } = valueAndGrad(
        (p) => {
          const { logits, stats } = model.apply(p, under(state, 'stats'), images!, { training: true });
          const aux = joined({ stats, other: { logits } });
          return { loss: softmaxCrossEntropy(logits, labels!, smoothing), aux };
        },
        under(state, 'params'),
      );
      return { outputs: { loss, ...aux, ...joined({ grads }) } };
    },
    joined({ params, stats }),
    inputs,
    backend,
  );
  return {
    loss: outputs['loss']!,
    logits: outputs['other/logits']!,
    stats: under(outputs, 'stats'),
    grads: under(outputs, 'grads'),
  };
}

/** One forward pass: logits, next statistics and the maps on the way. */
export async function forward(
  model: Model,
  { params, stats }: Values,
  images: HostTensor,
  training: boolean,
  backend = cpu,
) {
  const outputs = await once(
    (state, { images }) => {
      const applied = model.apply(under(state, 'params'), under(state, 'stats'), images!, { training });
      return { outputs: joined({ stats: applied.stats, maps: applied.maps, other: { logits: applied.logits } }) };
    },
    joined({ params, stats }),
    { images },
    backend,
  );
  return { logits: outputs['other/logits']!, stats: under(outputs, 'stats'), maps: under(outputs, 'maps') };
}

export const evaluated = (model: Model, values: Values, images: HostTensor, backend = cpu) =>
  forward(model, values, images, false, backend);
