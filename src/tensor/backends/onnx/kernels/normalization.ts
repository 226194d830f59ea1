/** Batch normalisation (`BatchNormTrain`, `BatchNormTrainGrad` of ops.ts) over [N, H, W, C], written for few passes. */
import { sizeOf } from '../../../compile.ts';
import { constant, inGraph, inLayout, op, plain, type Value, type Writer } from '../value.ts';
import { combined, unary } from './elementwise.ts';
import type { Kernels } from './kernel.ts';
import { mean, sum } from './reduction.ts';

const number = (value: number): Value => constant([value], [], 'float32');

/** All axes but the channels. */
const outer = [0, 1, 2];

/** f over operands that broadcast to the first one's shape. */
const like = (w: Writer, name: string, ...operands: Value[]): Value =>
  combined(w, name, operands, operands[0]!.shape, 'float32');

const inverseStd = (w: Writer, variance: Value, eps: number): Value =>
  unary(w, 'Reciprocal', unary(w, 'Sqrt', like(w, 'Add', variance, number(eps))));

/** slope · x + offset with channel vectors, in one pass. */
function affine(w: Writer, x: Value, slope: Value, offset: Value): Value {
  const channels = x.shape[3]!;
  const zero = w.graph.constant(new Float32Array(channels), [channels], 'float32');
  const one = w.graph.constant(new Float32Array(channels).fill(1), [channels], 'float32');
  const inputs = [inLayout(w, x, 'nchw'), plain(w, slope), plain(w, offset), zero, one];
  return inGraph(op(w, 'BatchNormalization', inputs, { epsilon: { float: 0 } }), x.shape, 'float32', 'nchw');
}

export const normalization: Kernels = {
  BatchNormTrain: ({ x, scale, offset }, { eps }, w) => {
    const batchMean = mean(w, x!, outer, false);
    const centred = like(w, 'Sub', x!, batchMean);
    const variance = mean(w, like(w, 'Mul', centred, centred), outer, false);
    const slope = like(w, 'Mul', inverseStd(w, variance, eps as number), scale!);
    return [affine(w, centred, slope, offset!), batchMean, variance];
  },
  /** dx = slope · (dy − mean(dy) − centred · mean(dy · centred)/σ²), its slope left to the convolution before where it can be. */
  BatchNormTrainGrad: ({ dy, x, scale, mean: batchMean, variance }, { eps }, w) => {
    const count = sizeOf(x!.shape.slice(0, -1));
    const centred = like(w, 'Sub', x!, batchMean!);
    const inverse = inverseStd(w, variance!, eps as number);
    const dOffset = sum(w, dy!, outer, false);
    const projected = sum(w, like(w, 'Mul', dy!, centred), outer, false);
    const pull = like(w, 'Mul', like(w, 'Mul', projected, number(-1 / count)), like(w, 'Mul', inverse, inverse));
    const base = like(w, 'Add', dy!, affine(w, centred, pull, like(w, 'Mul', dOffset, number(-1 / count))));
    const slope = like(w, 'Mul', inverse, scale!);
    const dx: Value = { ...like(w, 'Mul', base, slope), product: { base, channels: slope } };
    return [dx, like(w, 'Mul', projected, inverse), dOffset];
  },
};
