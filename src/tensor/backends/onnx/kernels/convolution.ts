/** Convolution and its two gradients. */
import { backend_util } from '@tensorflow/tfjs';
import { inGraph, inLayout, op, reshaped, transposed, type Value, type Writer } from '../value.ts';
import { combined } from './elementwise.ts';
import { filterGradient } from './filterGradient.ts';
import type { Attrs, Kernels } from './kernel.ts';

export type ConvInfo = backend_util.Conv2DInfo;

function infoOf(x: readonly number[], kernel: readonly number[], attrs: Attrs): ConvInfo {
  const strides = attrs['strides'] as number | [number, number];
  const dilations = (attrs['dilations'] as number | [number, number] | undefined) ?? 1;
  const pad = attrs['pad'] as 'same' | 'valid' | number;
  const info = backend_util.computeConv2DInfo(
    [...x] as [number, number, number, number],
    [...kernel] as [number, number, number, number],
    strides,
    dilations,
    pad,
  );
  if (info.dilationHeight !== 1 || info.dilationWidth !== 1) throw new Error('dilated convolution is not traced');
  return info;
}

export const padsOf = ({ padInfo }: ConvInfo): number[] => [padInfo.top, padInfo.left, padInfo.bottom, padInfo.right];

/** dx: at stride 1 a convolution of dy with the kernel turned by 180°, else a transposed convolution. */
function inputGradient(w: Writer, dy: Value, kernel: Value, inputShape: readonly number[], c: ConvInfo): Value {
  const {
    filterHeight: kh,
    filterWidth: kw,
    outHeight,
    outWidth,
    inHeight,
    inWidth,
    inChannels,
    outChannels,
    padInfo: p,
  } = c;
  const weights = inLayout(w, kernel, 'oihw');
  const gradient = inLayout(w, dy, 'nchw');
  const shape = [outChannels, inChannels, kh, kw];
  if (c.strideHeight === 1 && c.strideWidth === 1) {
    const turned = kh * kw === 1 ? weights : turn(w, weights, shape);
    const swapped = transposed(w, turned, shape, [1, 0, 2, 3]);
    const pads = [kh - 1 - p.top, kw - 1 - p.left, inHeight + p.top - outHeight, inWidth + p.left - outWidth];
    return inGraph(op(w, 'Conv', [gradient, swapped], { kernel_shape: [kh, kw], pads }), inputShape, 'float32', 'nchw');
  }
  const missing = [
    inHeight - ((outHeight - 1) * c.strideHeight + kh - p.top - p.bottom),
    inWidth - ((outWidth - 1) * c.strideWidth + kw - p.left - p.right),
  ];
  const result = op(w, 'ConvTranspose', [gradient, weights], {
    kernel_shape: [kh, kw],
    strides: [c.strideHeight, c.strideWidth],
    pads: padsOf(c),
    output_padding: missing,
  });
  return inGraph(result, inputShape, 'float32', 'nchw');
}

/** [O, I, h, w] turned by 180° in the plane; a product with a permutation moves elements 7 times faster than Gather. */
function turn(w: Writer, name: string, shape: readonly number[]): string {
  const [o, i, kh, kw] = shape as [number, number, number, number];
  const taps = kh * kw;
  const backwards = Float32Array.from({ length: taps * taps }, (_, at) =>
    at % (taps - 1) === 0 && at > 0 && at < taps * taps - 1 ? 1 : 0,
  );
  const matrix = w.graph.constant(backwards, [taps, taps], 'float32');
  return reshaped(w, op(w, 'Gemm', [reshaped(w, name, [o * i, taps]), matrix]), shape);
}

export const convolution: Kernels = {
  Conv2D: ({ x, filter }, attrs, w) => {
    const c = infoOf(x!.shape, filter!.shape, attrs);
    const result = op(w, 'Conv', [inLayout(w, x!, 'nchw'), inLayout(w, filter!, 'oihw')], {
      kernel_shape: [c.filterHeight, c.filterWidth],
      strides: [c.strideHeight, c.strideWidth],
      pads: padsOf(c),
    });
    return inGraph(result, c.outShape, 'float32', 'nchw');
  },
  Conv2DBackpropInput: ({ dy, filter }, attrs, w) => {
    const shape = attrs['inputShape'] as number[];
    const { base, channels } = dy!.product ?? { base: dy! };
    const kernel = channels ? combined(w, 'Mul', [filter!, channels], filter!.shape, 'float32') : filter!;
    return inputGradient(w, base, kernel, shape, infoOf(shape, filter!.shape, attrs));
  },
  Conv2DBackpropFilter: ({ x, dy }, attrs, w) => {
    const shape = attrs['filterShape'] as number[];
    const { base, channels } = dy!.product ?? { base: dy! };
    const gradient = filterGradient(w, x!, base, infoOf(x!.shape, shape, attrs));
    return channels ? combined(w, 'Mul', [gradient, channels], shape, 'float32') : gradient;
  },
};
