/** Every operation of ops.ts over shapes whose sizes differ, for comparing one backend with another. */
import { sizeOf, type HostTensors, type Session } from '../../src/tensor/compile.ts';
import * as ops from '../../src/tensor/ops.ts';
import type { Tensor, Tensors } from '../../src/tensor/ops.ts';
import { stream } from '../../src/random.ts';

export interface Case {
  readonly args: Readonly<Record<string, readonly number[]>>;
  readonly f: (x: Readonly<Record<string, Tensor>>) => Tensor | readonly Tensor[];
  /** Draws of the arguments; standard normal when absent. */
  readonly draw?: (normal: number) => number;
  /** Where the default says too little; the reason stands beside it. */
  readonly tolerance?: number;
  /** No gradient exists (comparisons), or only the forward pass is used. */
  readonly forwardOnly?: boolean;
}

const positive = (z: number) => Math.abs(z) + 0.3;
const all: readonly number[] = [3, 5, 7, 2];

const pairs: Record<string, readonly [readonly number[], readonly number[]]> = {
  same: [all, all],
  'with a channel vector': [all, [2]],
  'with one row': [[4, 5], [5]],
  'with a scalar': [all, []],
  'both spread': [
    [4, 1],
    [1, 6],
  ],
  'with a unit tensor': [all, [1, 1, 1, 2]],
  'with per-sample channels': [all, [3, 1, 1, 2]],
};
const binaryCases = (name: string, f: (a: Tensor, b: Tensor) => Tensor, options: Partial<Case> = {}) =>
  Object.entries(pairs).map(([how, [a, b]]): [string, Case] => [
    `${name} ${how}`,
    { args: { a, b }, f: (x) => f(x['a']!, x['b']!), ...options },
  ]);
const unaryCases = (name: string, f: (a: Tensor) => Tensor, options: Partial<Case> = {}): [string, Case][] => [
  [`${name} rank 4`, { args: { a: all }, f: (x) => f(x['a']!), ...options }],
  [`${name} rank 1`, { args: { a: [7] }, f: (x) => f(x['a']!), ...options }],
];
const reductions = (
  [
    [[], true],
    [[0, 1, 2], false],
    [[0, 1, 2], true],
    [[1, 2], false],
    [[3], true],
    [[0, 3], false],
  ] as const
).flatMap(([axes, keep]) =>
  Object.entries({ sum: ops.sum, mean: ops.mean, max: ops.max }).map(([name, f]): [string, Case] => [
    `${name} over [${axes.join()}] ${keep ? 'kept' : 'dropped'}`,
    { args: { a: all }, f: ({ a }) => f(a!, axes.length ? axes : undefined, keep) },
  ]),
);
const convolutions = (['same', 'valid'] as const).flatMap((padding) =>
  [1, 2, 3].flatMap((size) =>
    [1, 2].flatMap((stride) =>
      (
        [
          [2, 7, 9, 3, 5],
          [3, 6, 8, 4, 2],
          [2, 5, 6, 1, 3],
        ] as const
      ).map(([n, h, w, i, o]): [string, Case] => [
        `conv2d ${h}×${w} kernel ${size} stride ${stride} ${padding} ${i}→${o}`,
        { args: { x: [n, h, w, i], k: [size, size, i, o] }, f: ({ x, k }) => ops.conv2d(x!, k!, stride, padding) },
      ]),
    ),
  ),
);
const pools = (
  [
    ['maxPool', ops.maxPool],
    ['avgPool', ops.avgPool],
  ] as const
).flatMap(([name, pool]) =>
  (['same', 'valid'] as const).flatMap((padding) =>
    (
      [
        [2, 2],
        [3, 2],
        [3, 1],
        [2, 1],
      ] as const
    ).flatMap(([size, stride]) =>
      (
        [
          [2, 7, 9, 3],
          [3, 6, 8, 2],
        ] as const
      ).map((shape): [string, Case] => [
        `${name} ${size}/${stride} ${padding} on ${shape.join('×')}`,
        { args: { x: shape }, f: ({ x }) => pool(x!, size, stride, padding) },
      ]),
    ),
  ),
);
/** Where draws of their own exceed 1: a condition without a gradient, as tf.where wants. */
const mask = (shape: readonly number[]): Tensor => ops.greater(weights(shape), 1);
/** Labels 0 … K−1 from normal draws, as a constant of the trace. */
const labels = () => ops.tensor(Int32Array.of(2, 0, 4, 1), [4]);

export const cases: readonly [string, Case][] = [
  ...binaryCases('add', ops.add),
  ...binaryCases('sub', ops.sub),
  ...binaryCases('mul', ops.mul),
  ...binaryCases('div', ops.div, { draw: positive }),
  ...binaryCases('pow', ops.pow, { draw: positive }),
  // TensorFlow.js differentiates maximum and minimum of one shape only
  ...binaryCases('maximum', ops.maximum).map(([name, one], i): [string, Case] => [
    name,
    { ...one, forwardOnly: i > 0 },
  ]),
  ...binaryCases('minimum', ops.minimum).map(([name, one], i): [string, Case] => [
    name,
    { ...one, forwardOnly: i > 0 },
  ]),
  ...binaryCases('greater', ops.greater, { forwardOnly: true }),
  ...binaryCases('less', ops.less, { forwardOnly: true }),
  ...binaryCases('equal', ops.equal, { forwardOnly: true, draw: Math.round }),
  ...binaryCases('where', (a, b) => ops.where(mask(a.shape), ops.square(a), ops.add(a, b))),
  ['where with numbers', { args: { a: all }, f: ({ a }) => ops.where(mask(all), a!, 0.25) }],
  ['where of two numbers', { args: { a: all }, f: ({ a }) => ops.mul(a!, ops.where(mask(all), 1, -2)) }],
  ...unaryCases('mul by the number 0', (a) => ops.add(ops.mul(a, 0), 1), { forwardOnly: true }),
  ...unaryCases('mul by the number 1', (a) => ops.mul(a, 1)),
  ...unaryCases('neg', ops.neg),
  ...unaryCases('abs', ops.abs),
  ...unaryCases('square', ops.square),
  ...unaryCases('sqrt', ops.sqrt, { draw: positive }),
  ...unaryCases('rsqrt', ops.rsqrt, { draw: positive }),
  ...unaryCases('exp', ops.exp),
  ...unaryCases('log', ops.log, { draw: positive }),
  ...unaryCases('sigmoid', ops.sigmoid),
  ...unaryCases('sigmoid far out', ops.sigmoid, { draw: (z) => 40 * z }),
  ...unaryCases('relu', ops.relu),
  ...unaryCases('sum of squares', (a) => ops.sum(ops.square(a))),
  ...unaryCases('toFloat of a comparison', (a) => ops.mul(a, ops.toFloat(ops.greater(a, 0.1))), { forwardOnly: true }),
  ...unaryCases('toFloat of a mask', (a) => ops.mul(a, ops.toFloat(mask(a.shape)))),
  ['sum of squares of a scalar', { args: { a: [] }, f: ({ a }) => ops.sum(ops.square(a!)) }],
  ['sum of squares of units', { args: { a: all }, f: ({ a }) => ops.sum(ops.square(a!), [0, 1, 2], true) }],
  ['mean of squares of units', { args: { a: all }, f: ({ a }) => ops.mean(ops.square(a!), [0, 1, 2]) }],
  ['addN', { args: { a: all, b: all, c: all }, f: ({ a, b, c }) => ops.addN([a!, ops.square(b!), c!]) }],
  [
    'conv2d of long rows', // onnx takes another way for its filter gradient
    { args: { x: [2, 5, 18, 3], k: [3, 3, 3, 2] }, f: ({ x, k }) => ops.conv2d(x!, k!, 1, 'same') },
  ],
  [
    'two that differ in the stride alone',
    {
      args: { x: [2, 6, 6, 3], k: [3, 3, 3, 2] },
      f: ({ x, k }) => [ops.conv2d(x!, k!, 1, 'valid'), ops.conv2d(x!, k!, 2, 'valid')],
    },
  ],
  [
    'concat',
    { args: { a: [2, 3], b: [4, 3] }, forwardOnly: true, f: ({ a, b }) => ops.concat([ops.square(a!), b!], 0) },
  ],
  ['zeros', { args: { a: [4, 3] }, f: ({ a }) => ops.add(a!, ops.zeros([4, 3])) }],
  ['range', { args: { a: [6] }, f: ({ a }) => ops.mul(a!, ops.range(6)) }],
  ['reshape', { args: { a: all }, f: ({ a }) => ops.square(ops.reshape(a!, [15, 14])) }],
  ['reshape to −1', { args: { a: all }, f: ({ a }) => ops.square(ops.reshape(a!, [3, -1])) }],
  [
    'reshape of a convolution',
    {
      args: { x: [2, 5, 4, 3], k: [3, 3, 3, 2] },
      f: ({ x, k }) => ops.square(ops.reshape(ops.conv2d(x!, k!, 1, 'same'), [2, -1])),
    },
  ],
  [
    'pad',
    {
      args: { a: all },
      f: ({ a }) =>
        ops.pad(
          a!,
          [
            [0, 0],
            [1, 2],
            [3, 0],
            [0, 1],
          ],
          0.5,
        ),
    },
  ],
  [
    'pad of a convolution',
    {
      args: { x: [2, 5, 4, 3], k: [1, 1, 3, 2] },
      f: ({ x, k }) =>
        ops.pad(ops.conv2d(x!, k!, 1, 'same'), [
          [0, 0],
          [0, 0],
          [1, 0],
          [2, 1],
        ]),
    },
  ],
  ['matMul', { args: { a: [3, 5], b: [5, 7] }, f: ({ a, b }) => ops.matMul(a!, b!) }],
  ...reductions,
  ...convolutions,
  ...pools,
  [
    'units of a convolution',
    {
      args: { x: [2, 5, 4, 3], k: [3, 3, 3, 2] },
      f: ({ x, k }) => ops.sum(ops.square(ops.conv2d(x!, k!, 1, 'same')), [1, 2], true),
    },
  ],
  [
    'global mean of a convolution',
    {
      args: { x: [2, 5, 4, 3], k: [3, 3, 3, 2] },
      f: ({ x, k }) => ops.mean(ops.relu(ops.conv2d(x!, k!, 1, 'same')), [1, 2]),
    },
  ],
  [
    'batchNormTrain',
    {
      args: { x: [4, 5, 6, 3], s: [3], o: [3] },
      f: ({ x, s, o }) => Object.values(ops.batchNormTrain(x!, s!, o!, 1e-5)).slice(0, 1),
    },
  ],
  [
    'batchNormTrain far from zero',
    {
      args: { x: [4, 5, 6, 3], s: [3], o: [3] },
      f: ({ x, s, o }) => Object.values(ops.batchNormTrain(ops.add(x!, 5), s!, o!, 1e-5)).slice(0, 1),
      tolerance: 5e-5,
    },
  ], // mean/σ = 5: a float32 mean is off by 1e-6 σ
  [
    'batchNormTrain statistics',
    {
      args: { x: [4, 5, 6, 3], s: [3], o: [3] },
      f: ({ x, s, o }) => Object.values(ops.batchNormTrain(x!, s!, o!, 1e-3)),
      forwardOnly: true,
    },
  ],
  [
    'batchNormEval',
    {
      args: { x: [4, 5, 6, 3], s: [3], o: [3], m: [3], v: [3] },
      f: ({ x, s, o, m, v }) => ops.batchNormEval(x!, s!, o!, m!, ops.square(v!), 1e-5),
    },
  ],
  ...(['max', 'std', 'variance'] as const).map((floor): [string, Case] => [
    `standardizeKernel ${floor}`,
    { args: { k: [3, 2, 4, 5], g: [5] }, f: ({ k, g }) => ops.standardizeKernel(k!, g!, { floor, eps: 1e-4 }) },
  ]),
  ['softmaxCrossEntropy', { args: { z: [4, 5] }, f: ({ z }) => ops.softmaxCrossEntropy(z!, labels(), 0) }],
  ['softmaxCrossEntropy smoothed', { args: { z: [4, 5] }, f: ({ z }) => ops.softmaxCrossEntropy(z!, labels(), 0.1) }],
  ['logSoftmax', { args: { z: [4, 5] }, f: ({ z }) => ops.logSoftmax(z!) }],
];

/** Outputs and, where there are, gradients of the sum of the outputs weighted by fixed draws. */
export async function evaluate(
  session: Session,
  { args, f, forwardOnly }: Case,
  values: HostTensors,
): Promise<HostTensors> {
  const specs = Object.fromEntries(
    Object.entries(args).map(([name, shape]) => [name, { shape, dtype: 'float32' as const }]),
  );
  const run = await session.compile(
    'case',
    (_, x) => ({ outputs: forwardOnly ? named(f(x)) : withGradients(f, x) }),
    specs,
  );
  return run(values);
}
const named = (result: Tensor | readonly Tensor[]): Tensors =>
  Object.fromEntries((Array.isArray(result) ? (result as Tensor[]) : [result as Tensor]).map((y, i) => [`y${i}`, y]));

function withGradients(f: Case['f'], x: Tensors): Tensors {
  const { grads, aux } = ops.valueAndGrad((params) => {
    const outputs = named(f(params));
    const terms = Object.values(outputs).map((y) => ops.sum(ops.mul(y, weights(y.shape))));
    return { loss: ops.addN(terms), aux: outputs };
  }, x);
  return { ...aux, ...Object.fromEntries(Object.entries(grads).map(([name, g]) => [`d${name}`, g])) };
}

function weights(shape: readonly number[]): Tensor {
  const draws = stream(7, 'order');
  return ops.tensor(
    Float32Array.from({ length: sizeOf(shape) }, () => draws.uniform() + 0.5),
    shape,
  );
}

export function valuesFor({ args, draw = (z) => z }: Case): HostTensors {
  const draws = stream(3, 'order');
  return Object.fromEntries(
    Object.entries(args).map(([name, shape]) => [
      name,
      { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => draw(draws.normal())) },
    ]),
  );
}

/** The largest difference between two tensors, as a share of the largest element (at least 1e-3) of the second. */
export function relativeError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let worst = 0;
  let scale = 1e-3;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(found[i]! - expected[i]!);
    worst = difference > worst || Number.isNaN(difference) ? difference : worst;
    scale = Math.max(scale, Math.abs(expected[i]!));
  }
  return worst / scale;
}
