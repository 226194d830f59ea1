/** What batch-normalised and norm-free networks share: their options, padding, pooling and the classifier. */
import { z } from 'zod';
import { add, conv2d, matMul, maxPool, mean, pad, type Tensor, type Tensors } from '../tensor/ops.ts';
import type { Conv } from './architecture.ts';
import type { Init, ParamSpec } from './model.ts';

/**
 * How strided layers pad an even size: `same` puts the odd pixel after, as TensorFlow does, `torch` before.
 * A shift by one pixel that matters only when weights trained elsewhere are loaded.
 */
export type ConvPadding = 'same' | 'torch';

/** Options of every network. Dropout and stochastic depth are not offered: both are 0. */
export const networkOptions = {
  stem: z
    .enum(['auto', 'imagenet', 'cifar'])
    .default('auto')
    .describe('imagenet: 7×7 stride 2 and max-pool; cifar: 3×3 stride 1; auto: by architecture and image size'),
  padding: z
    .enum(['same', 'torch'])
    .default('same')
    .describe('where strided layers put the odd pixel of padding: after (same) or before (torch)'),
};

export const headInits = ['torch', 'normal0.01', 'zeros'] as const;
export type HeadInit = (typeof headInits)[number];

/** x [N, H, W, I], kernel [h, w, I, O] → [N, ⌈H/stride⌉, ⌈W/stride⌉, O], no bias. */
export function convolve(
  x: Tensor,
  kernel: Tensor,
  { size, stride }: Pick<Conv, 'size' | 'stride'>,
  padding: ConvPadding,
): Tensor {
  if (padding === 'same' || stride === 1) return conv2d(x, kernel, stride, 'same');
  return conv2d(padLikeTorch(x, size, stride, 0), kernel, stride, 'valid');
}

/** 3×3 max-pool, stride 2; the padding is below any value, since a norm-free stem is signed. */
export const stemPool = (x: Tensor, padding: ConvPadding): Tensor =>
  padding === 'same' ? maxPool(x, 3, 2, 'same') : maxPool(padLikeTorch(x, 3, 2, -1e30), 3, 2, 'valid');

/** (size − 1)/2 before each spatial axis, and after it what the last window still reaches. */
function padLikeTorch(x: Tensor, size: number, stride: number, value: number): Tensor {
  const before = (size - 1) / 2;
  const pair = (n: number) => [before, Math.max(0, (Math.ceil(n / stride) - 1) * stride + size - n - before)] as const;
  const spatial = [pair(x.shape[1]!), pair(x.shape[2]!)];
  return spatial.flat().every((n) => n === 0) ? x : pad(x, [[0, 0], ...spatial, [0, 0]], value);
}

/** Mean over the map: [N, H, W, C] → [N, C]. */
export const globalMean = (x: Tensor): Tensor => mean(x, [1, 2]);

/** features [N, C] → logits [N, K]. */
export const classify = (features: Tensor, params: Tensors): Tensor =>
  add(matMul(features, params['head/kernel']!), params['head/bias']!);

/**
 * The classifier's parameters. `torch`: kernel and bias uniform in ±1/√C; `normal0.01`: N(0, 0.01²) and zero bias;
 * `zeros`: the first prediction is uniform.
 */
export function headParams(features: number, classes: number, headInit: HeadInit): Record<string, ParamSpec> {
  const limit = 1 / Math.sqrt(features);
  const inits: Record<HeadInit, { kernel: Init; bias: Init }> = {
    torch: { kernel: { kind: 'uniform', limit }, bias: { kind: 'uniform', limit } },
    'normal0.01': { kernel: { kind: 'normal', std: 0.01 }, bias: constant(0) },
    zeros: { kernel: constant(0), bias: constant(0) },
  };
  const { kernel, bias } = inits[headInit];
  return { 'head/kernel': { shape: [features, classes], init: kernel }, 'head/bias': { shape: [classes], init: bias } };
}

export const constant = (value: number): Init => ({ kind: 'constant', value });

export const kernelShape = ({ size, cin, cout }: Conv): readonly number[] => [size, size, cin, cout];
