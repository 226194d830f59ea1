/**
 * Open loops: the gradients of a real training, and the weights that another implementation makes of them after every
 * step. A closed loop (two trainings side by side) parts at the first ReLU that flips; here equal algorithms stay within
 * rounding of each other to the end.
 *
 * `<x>.json` describes the net's parameters and the variants; `<x>.safetensors` holds `initial` [P], `gradients` [T, P] and
 * `weights/<variant>` [T, P] in float32, all parameters in a row. Written by test/fixtures/openLoop.py.
 */
import { z } from 'zod';
import { UserError } from '../../errors.ts';
import { optimizerSchema } from '../../optim/config.ts';
import { sizeOf, type HostTensors } from '../../tensor/compile.ts';
import type { VectorCase } from './vectorFile.ts';

const schema = z.looseObject({
  net: z.string(),
  epochs: z.int().positive(),
  stepsPerEpoch: z.int().positive(),
  /** Options of every variant, and of those that are not AdamW. */
  optimizer: z.record(z.string(), z.unknown()),
  ranger21: z.record(z.string(), z.record(z.string(), z.unknown())),
  params: z.array(z.object({ name: z.string(), shape: z.array(z.int().positive()) })).min(1),
  variants: z.record(
    z.string(),
    z.object({
      optimizer: z.looseObject({
        name: z.string().optional(),
        components: z.record(z.string(), z.unknown()).optional(),
      }),
      /** Largest distance between the other implementation's weights in float32 and in float64. */
      float32Error: z.number(),
      /** Learning rate of every step. */
      rates: z.array(z.number()),
    }),
  ),
});

/** Every variant as a case of `verify optimizer`. */
export function parseOpenLoop(json: string, tensors: HostTensors, file: string): VectorCase[] {
  const refuse = (reason: string, cause?: unknown): never => {
    throw new UserError(`${file} is not an open loop: ${reason}`, {
      remedy: 'write it with test/fixtures/openLoop.py',
      cause,
    });
  };
  const parse = (): z.output<typeof schema> => {
    try {
      return schema.parse(JSON.parse(json));
    } catch (error) {
      return refuse((error as Error).message, error);
    }
  };
  const { net, epochs, stepsPerEpoch, params, variants, ...common } = parse();
  const total = params.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const rows = (name: string, count: number): Record<string, Float32Array>[] => {
    const { data } = tensors[name] ?? refuse(`it has no tensor ${name}`);
    if (!(data instanceof Float32Array) || data.length !== count * total) {
      return refuse(`${name} does not hold ${count} × ${total} numbers`);
    }
    return Array.from({ length: count }, (_, t) => {
      let start = t * total;
      return Object.fromEntries(
        params.map(({ name, shape }) => [name, data.subarray(start, (start += sizeOf(shape)))] as const),
      );
    });
  };

  const steps = epochs * stepsPerEpoch;
  const [initial] = rows('initial', 1);
  const problem = {
    params: params.map((param) => ({ ...param, role: '', value: initial![param.name]! })),
    gradients: rows('gradients', steps),
  };
  return Object.entries(variants).map(([name, { optimizer, rates }]): VectorCase => {
    const components = optimizer.name === 'adamw' ? {} : { ...common.ranger21, ...optimizer.components };
    const config = optimizerSchema.safeParse({ ...common.optimizer, ...optimizer, components });
    return {
      group: `open loop ${net}`,
      name,
      problem,
      steps: rows(`weights/${name}`, steps).map((params, i) => ({ params, lr: rates[i] })),
      config: config.success ? config.data : refuse(`variant ${name}: ${config.error.message}`, config.error),
      run: { epochs, stepsPerEpoch },
    };
  });
}
