/** Pooling and its gradients. */
import { backend_util } from '@tensorflow/tfjs';
import { sizeOf } from '../../../compile.ts';
import { inGraph, inLayout, ints, number, op, physical, reshaped, type Value, type Writer } from '../value.ts';
import { padsOf, type ConvInfo } from './convolution.ts';
import type { Attrs, Kernels } from './kernel.ts';
import { padded } from './shaping.ts';

type Shape4 = [number, number, number, number];

const infoOf = (x: readonly number[], { filterSize, strides, pad }: Attrs): ConvInfo =>
  backend_util.computePool2DInfo([...x] as Shape4, filterSize as number, strides as number, 1, pad as 'same' | 'valid');

const windows = (c: ConvInfo) => ({
  kernel_shape: [c.filterHeight, c.filterWidth],
  strides: [c.strideHeight, c.strideWidth],
  pads: padsOf(c),
});

/** [maxima, where they are]; the places are dropped where no gradient asks for them. */
const maxima = (w: Writer, x: Value, c: ConvInfo): string[] =>
  w.graph.nodes('MaxPool', [inLayout(w, x, 'nchw')], windows(c), 2);

/** Adds dy at the place of each window's first maximum. */
function scattered(w: Writer, dy: Value, x: Value, c: ConvInfo): string {
  const places = maxima(w, x, c)[1]!;
  const count = sizeOf(dy.shape);
  const zeros = op(w, 'Expand', [number(w, 0), ints(w, [sizeOf(x.shape)])]);
  const flat = [reshaped(w, places, [count]), reshaped(w, inLayout(w, dy, 'nchw'), [count])];
  const sums = op(w, 'ScatterElements', [zeros, ...flat], { axis: 0, reduction: 'add' });
  return reshaped(w, sums, physical(x.shape, 'nchw'));
}

const lowest = -3.4028234663852886e38;

/**
 * The same without indices, which the WebGPU provider lacks: tap by tap, the first that equals the maximum takes dy; a
 * transposed convolution with one-hot kernels then puts every tap's share in its place.
 */
function scatteredByTap(w: Writer, dy: Value, x: Value, c: ConvInfo): string {
  const { filterHeight: kh, filterWidth: kw, batchSize: n, inChannels, outHeight, outWidth, padInfo: p } = c;
  const maximum = maxima(w, x, c)[0]!;
  const image = inLayout(
    w,
    padded(
      w,
      x,
      [
        [0, 0],
        [p.top, p.bottom],
        [p.left, p.right],
        [0, 0],
      ],
      lowest,
    ),
    'nchw',
  );
  let left = inLayout(w, dy, 'nchw');
  const shares: string[] = [];
  for (let i = 0; i < kh; i++) {
    for (let j = 0; j < kw; j++) {
      const ends = [i + (outHeight - 1) * c.strideHeight + 1, j + (outWidth - 1) * c.strideWidth + 1];
      const tap = op(w, 'Slice', [
        image,
        ints(w, [i, j]),
        ints(w, ends),
        ints(w, [2, 3]),
        ints(w, [c.strideHeight, c.strideWidth]),
      ]);
      const share = op(w, 'Where', [op(w, 'Equal', [tap, maximum]), left, number(w, 0)]);
      left = op(w, 'Sub', [left, share]);
      shares.push(reshaped(w, share, [n, inChannels, 1, outHeight, outWidth]));
    }
  }
  const taps = kh * kw;
  // ONNX Runtime 1.30 computes this convolution wrongly where a group has a multiple of 4 channels: one more, without weight
  if (taps % 4 === 0) shares.push(reshaped(w, left, [n, inChannels, 1, outHeight, outWidth]));
  const lanes = shares.length;
  const perTap = reshaped(w, op(w, 'Concat', shares, { axis: 2 }), [n, inChannels * lanes, outHeight, outWidth]);
  const oneHot = new Float32Array(inChannels * lanes * taps);
  for (let lane = 0; lane < inChannels * lanes; lane++)
    if (lane % lanes < taps) oneHot[lane * taps + (lane % lanes)] = 1;
  return overWindows(w, perTap, w.graph.constant(oneHot, [inChannels * lanes, 1, kh, kw], 'float32'), c);
}

/** Transposed convolution, channel by channel, onto the pooled image. */
function overWindows(w: Writer, perWindow: string, kernel: string, c: ConvInfo): string {
  const { top, bottom, left, right } = c.padInfo;
  return op(w, 'ConvTranspose', [perWindow, kernel], {
    ...windows(c),
    group: c.inChannels,
    output_padding: [
      c.inHeight - ((c.outHeight - 1) * c.strideHeight + c.filterHeight - top - bottom),
      c.inWidth - ((c.outWidth - 1) * c.strideWidth + c.filterWidth - left - right),
    ],
  });
}

/** Of windows without padding: ops.ts pads before it takes a mean. */
function averageGradient(w: Writer, dy: Value, shape: readonly number[], c: ConvInfo): Value {
  const { filterHeight: kh, filterWidth: kw, batchSize: n, inChannels: ch, outHeight: h, outWidth: wd } = c;
  const share = op(w, 'Mul', [inLayout(w, dy, 'nchw'), number(w, 1 / (kh * kw))]);
  const tiled = kh === c.strideHeight && kw === c.strideWidth && h * kh === c.inHeight && wd * kw === c.inWidth;
  if (!tiled) {
    const ones = w.graph.constant(new Float32Array(ch * kh * kw).fill(1), [ch, 1, kh, kw], 'float32');
    return inGraph(overWindows(w, share, ones, c), shape, 'float32', 'nchw');
  }
  const repeated = op(w, 'Expand', [reshaped(w, share, [n, ch, h, 1, wd, 1]), ints(w, [n, ch, h, kh, wd, kw])]);
  return inGraph(reshaped(w, repeated, physical(shape, 'nchw')), shape, 'float32', 'nchw');
}

export const pooling: Kernels = {
  MaxPool: ({ x }, attrs, w) => {
    const c = infoOf(x!.shape, attrs);
    return inGraph(maxima(w, x!, c)[0]!, c.outShape, 'float32', 'nchw');
  },
  MaxPoolGrad: ({ dy, input }, attrs, w) => {
    const c = infoOf(input!.shape, attrs);
    const scatter = w.device === 'webgpu' ? scatteredByTap : scattered;
    return inGraph(scatter(w, dy!, input!, c), input!.shape, 'float32', 'nchw');
  },
  AvgPool: ({ x }, attrs, w) => {
    const c = infoOf(x!.shape, attrs);
    const name = op(w, 'AveragePool', [inLayout(w, x!, 'nchw')], { ...windows(c), count_include_pad: 0 });
    return inGraph(name, c.outShape, 'float32', 'nchw');
  },
  AvgPoolGrad: ({ dy, input }, attrs, w) => averageGradient(w, dy!, input!.shape, infoOf(input!.shape, attrs)),
};
