/**
 * The tensor operations this project uses, under our names, and the few with a gradient of their own.
 *
 * Activations are NHWC, convolution kernels HWIO, dense kernels IO, all float32. Everything here is a pure function of
 * TensorFlow.js tensors and runs on whichever TensorFlow.js backend is current: eagerly on `cpu`, as graph nodes on a
 * compiling backend. Gradients come from TensorFlow.js; batch normalisation and ReLU are kernels of our own (`kernels`
 * below), so that each backend can supply its fused form.
 */
import * as tf from '@tensorflow/tfjs';

export type Tensor = tf.Tensor;
/** Tensors by name. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** A number, or a tensor; numbers become 0-d float32 tensors. */
export type Operand = Tensor | number;

export const scalar = (value: number): Tensor => tf.scalar(value, 'float32');
export const tensor = (data: Float32Array | Int32Array | readonly number[], shape: readonly number[]): Tensor =>
  tf.tensor(data, [...shape], data instanceof Int32Array ? 'int32' : 'float32');
export const zeros = (shape: readonly number[]): Tensor => tf.zeros([...shape]);
export const range = (n: number): Tensor => tf.range(0, n, 1, 'float32');

export const add = (a: Operand, b: Operand): Tensor => tf.add(a, b);
export const sub = (a: Operand, b: Operand): Tensor => tf.sub(a, b);
export const mul = (a: Operand, b: Operand): Tensor => tf.mul(a, b);
export const div = (a: Operand, b: Operand): Tensor => tf.div(a, b);
export const pow = (a: Operand, b: Operand): Tensor => tf.pow(a, b);
export const maximum = (a: Operand, b: Operand): Tensor => tf.maximum(a, b);
export const minimum = (a: Operand, b: Operand): Tensor => tf.minimum(a, b);
export const greater = (a: Operand, b: Operand): Tensor => tf.greater(a, b);
export const less = (a: Operand, b: Operand): Tensor => tf.less(a, b);
export const equal = (a: Operand, b: Operand): Tensor => tf.equal(a, b);
export const neg = (x: Tensor): Tensor => tf.neg(x);
export const abs = (x: Tensor): Tensor => tf.abs(x);
export const square = (x: Tensor): Tensor => tf.square(x);
export const sqrt = (x: Tensor): Tensor => tf.sqrt(x);
export const rsqrt = (x: Tensor): Tensor => tf.rsqrt(x);
export const exp = (x: Tensor): Tensor => tf.exp(x);
export const log = (x: Tensor): Tensor => tf.log(x);
/** 1/(1 + e⁻ˣ). */
export const sigmoid = (x: Tensor): Tensor => tf.sigmoid(x);
/** condition ? a : b, element by element; shapes broadcast. */
export const where = (condition: Tensor, a: Operand, b: Operand): Tensor =>
  tf.where(condition, typeof a === 'number' ? scalar(a) : a, typeof b === 'number' ? scalar(b) : b);
/** true → 1, false → 0; int32 → float32. */
export const toFloat = (x: Tensor): Tensor => tf.cast(x, 'float32');

/** Sum over `axes` (all when absent). */
export const sum = (x: Tensor, axes?: readonly number[], keepDims = false): Tensor =>
  tf.sum(x, axes && [...axes], keepDims);
export const mean = (x: Tensor, axes?: readonly number[], keepDims = false): Tensor =>
  tf.mean(x, axes && [...axes], keepDims);
export const max = (x: Tensor, axes?: readonly number[], keepDims = false): Tensor =>
  tf.max(x, axes && [...axes], keepDims);
/** Sum of tensors of one shape. */
export const addN = (terms: readonly Tensor[]): Tensor => terms.reduce((total, term) => tf.add(total, term));

export const concat = (parts: readonly Tensor[], axis: number): Tensor => tf.concat([...parts], axis);

export const reshape = (x: Tensor, shape: readonly number[]): Tensor => tf.reshape(x, [...shape]);
/** Constant padding, one [before, after] pair an axis. */
export const pad = (x: Tensor, paddings: readonly (readonly [number, number])[], value = 0): Tensor =>
  tf.pad(x, paddings as [number, number][], value);
/** [n, k] × [k, m] → [n, m]. */
export const matMul = (a: Tensor, b: Tensor): Tensor => tf.matMul(a, b);

export type Padding = 'same' | 'valid';

/** Convolution: x [N, H, W, I], kernel [h, w, I, O] → [N, H/stride, W/stride, O]. `same` is TensorFlow's padding. */
export const conv2d = (x: Tensor, kernel: Tensor, stride: number, padding: Padding): Tensor =>
  tf.conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, stride, padding);

/** Maximum over size×size windows; padding never wins. The gradient goes to the first maximum of a window. */
export const maxPool = (x: Tensor, size: number, stride: number, padding: Padding): Tensor =>
  tf.maxPool(x as tf.Tensor4D, size, stride, padding);

/**
 * Mean over size×size windows; padded positions do not count. Padding is explicit because TensorFlow.js' own gradient
 * of a padded mean divides by size² at the border, where the forward pass divided by fewer.
 */
export function avgPool(x: Tensor, size: number, stride: number, padding: Padding): Tensor {
  const windows = ([1, 2] as const).map((axis) => poolWindows(x.shape[axis]!, size, stride));
  if (padding === 'valid' || windows.every(({ before, after }) => before + after === 0)) {
    return tf.avgPool(x as tf.Tensor4D, size, stride, 'valid');
  }
  const [rows, columns] = windows as [PoolWindows, PoolWindows];
  const padded = pad(x, [
    [0, 0],
    [rows.before, rows.after],
    [columns.before, columns.after],
    [0, 0],
  ]);
  const shares = rows.covered.flatMap((r) => columns.covered.map((c) => size ** 2 / (r * c)));
  const share = tensor(shares, [1, rows.covered.length, columns.covered.length, 1]);
  return mul(tf.avgPool(padded as tf.Tensor4D, size, stride, 'valid'), share);
}

interface PoolWindows {
  readonly before: number;
  readonly after: number;
  /** How many real positions each window covers. */
  readonly covered: readonly number[];
}

/** TensorFlow's `same` padding of n positions. */
function poolWindows(n: number, size: number, stride: number): PoolWindows {
  const count = Math.ceil(n / stride);
  const total = Math.max(0, (count - 1) * stride + size - n);
  const before = Math.floor(total / 2);
  const covered = Array.from({ length: count }, (_, i) => {
    const start = i * stride - before;
    return Math.min(n, start + size) - Math.max(0, start);
  });
  return { before, after: total - before, covered };
}

/**
 * Kernels of our own; every backend registers them for itself under these names.
 *
 *     ReluGrad             { dy, y } → dy where y > 0, else 0
 *     BatchNormTrain       { x [N,H,W,C], scale [C], offset [C] }, { eps } → [y, mean [C], variance [C] (biased)]
 *     BatchNormTrainGrad   { dy, x, scale, mean, variance }, { eps } → [dx, dScale, dOffset]
 */
export const kernels = {
  reluGrad: 'ReluGrad',
  batchNormTrain: 'BatchNormTrain',
  batchNormTrainGrad: 'BatchNormTrainGrad',
} as const;

const run = (name: string, inputs: Record<string, Tensor>, attrs: Record<string, number> = {}) =>
  tf.engine().runKernel(name, inputs, attrs) as unknown;

/** max(x, 0). */
export const relu = (input: Tensor): Tensor =>
  tf.customGrad((x, save) => {
    const y = tf.relu(x as Tensor);
    (save as tf.GradSaveFunc)([y]);
    const gradFunc = (dy: Tensor, saved: Tensor[]) => run(kernels.reluGrad, { dy, y: saved[0]! }) as Tensor;
    return { value: y, gradFunc };
  })(input);

tf.registerGradient({
  kernelName: kernels.batchNormTrain,
  inputsToSave: ['x', 'scale'],
  outputsToSave: [false, true, true],
  gradFunc: (dys, [x, scale, mean, variance], attrs) => {
    const dy = (dys as unknown as Tensor[])[0]!; // the statistics carry no gradient of their own
    const inputs = { dy, x: x!, scale: scale!, mean: mean!, variance: variance! };
    const grads = run(kernels.batchNormTrainGrad, inputs, attrs as Record<string, number>) as Tensor[];
    return { x: () => grads[0]!, scale: () => grads[1]!, offset: () => grads[2]! };
  },
});

/**
 * Batch normalisation with the batch's own statistics.
 *
 *     y = scale · (x − μ) / √(σ² + ε) + offset      μ, σ²: mean and biased variance over N, H, W
 *
 * x [N, H, W, C]; returns y and the statistics [C]. With x̂ the normalised input and n = N·H·W the gradient is
 * dx = scale/√(σ²+ε) · (dy − Σdy/n − x̂ · Σ(dy·x̂)/n).
 *
 * Reference: Ioffe & Szegedy, Batch Normalization, 2015. https://arxiv.org/abs/1502.03167
 */
export function batchNormTrain(x: Tensor, scale: Tensor, offset: Tensor, eps: number) {
  const [y, mean, variance] = run(kernels.batchNormTrain, { x, scale, offset }, { eps }) as [Tensor, Tensor, Tensor];
  return { y, mean, variance };
}

/** Batch normalisation with given statistics [C]: scale · (x − mean) / √(variance + ε) + offset. */
export const batchNormEval = (
  x: Tensor,
  scale: Tensor,
  offset: Tensor,
  mean: Tensor,
  variance: Tensor,
  eps: number,
): Tensor => {
  const slope = mul(scale, rsqrt(add(variance, eps)));
  return add(mul(x, slope), sub(offset, mul(mean, slope)));
};

/**
 * How a kernel is standardised: `max` floors M·v (DeepMind), `std` adds ε to the standard deviation (timm ≤ 0.4.10),
 * `variance` adds ε to the variance (timm ≥ 0.4.12).
 */
export interface Standardization {
  readonly floor: 'max' | 'std' | 'variance';
  readonly eps: number;
}

/**
 * Scaled weight standardisation: zero mean and unit total energy for each output unit.
 *
 *     Ŵ_o = g_o · (W_o − μ_o) / √max(M·v_o, ε)        M = h·w·I, v: biased variance over [h, w, I]
 *
 * kernel [h, w, I, O], gain [O] → [h, w, I, O]. With ŵ = (W − μ)/√v and G = ∂L/∂Ŵ the gradient is
 * ∂L/∂W = s · (G − mean(G) − c·ŵ·mean(G·ŵ)), s the scale of the forward pass and c what the floor leaves of the
 * variance term (1 where it does not bite, 0 where it does); ∂L/∂g = ΣG·Ŵ/g.
 *
 * Reference: Brock et al., Characterizing signal propagation to close the performance gap in unnormalized ResNets,
 * 2021. https://arxiv.org/abs/2101.08692
 */
export function standardizeKernel(kernel: Tensor, gain: Tensor, { floor, eps }: Standardization): Tensor {
  const axes = [0, 1, 2];
  const fanIn = kernel.shape.slice(0, 3).reduce((a, b) => a * b, 1);
  const standardized = tf.customGrad((w, g, save) => {
    const centred = sub(w as Tensor, mean(w as Tensor, axes, true));
    const variance = mean(square(centred), axes, true);
    // `scale` multiplies the centred kernel; `keep` is −(d ln scale / d ln v) · 2, the share of the variance term kept
    let scale: Tensor;
    let keep: Tensor;
    if (floor === 'max') {
      const energy = mul(variance, fanIn);
      scale = rsqrt(maximum(energy, eps));
      keep = toFloat(greater(energy, eps));
    } else if (floor === 'std') {
      const std = sqrt(variance);
      const floored = mul(add(std, eps), Math.sqrt(fanIn));
      scale = div(1, floored);
      keep = div(std, add(std, eps));
    } else {
      scale = rsqrt(mul(add(variance, eps), fanIn));
      keep = div(variance, add(variance, eps));
    }
    const unit = mul(centred, scale);
    (save as tf.GradSaveFunc)([unit, scale, g as Tensor, keep, variance]);
    const gradFunc = (dy: Tensor, saved: Tensor[]) => {
      const [unit, scale, g, keep, variance] = saved as [Tensor, Tensor, Tensor, Tensor, Tensor];
      const energy = mul(unit, dy); // elementwise Ŵ/g · G
      const dGain = sum(energy, axes);
      // ŵ·mean(G·ŵ) = centred/v · mean(G·centred) = unit/(scale²·v) · mean(G·unit)
      const variancePart = div(mul(keep, mean(energy, axes, true)), maximum(mul(square(scale), variance), 1e-30));
      const dUnit = sub(sub(dy, mean(dy, axes, true)), mul(unit, variancePart));
      return [mul(dUnit, mul(scale, g)), dGain];
    };
    return { value: mul(unit, g as Tensor), gradFunc };
  });
  return standardized(kernel, gain);
}

/**
 * Softmax cross-entropy with label smoothing, averaged over the batch: a scalar.
 *
 *     L = −(1/N) Σ_n Σ_k q_nk ln softmax(z_n)_k      q_nk = (1 − ε)·[k = y_n] + ε/K
 *
 * logits [N, K], labels [N] (whole numbers).
 * The gradient is (softmax(z) − q)/N.
 */
export function softmaxCrossEntropy(logits: Tensor, labels: Tensor, smoothing: number): Tensor {
  const targets = smoothedOneHot(labels, logits.shape[1]!, smoothing);
  const loss = tf.customGrad((z, save) => {
    const logProbabilities = logSoftmax(z as Tensor);
    (save as tf.GradSaveFunc)([logProbabilities, targets]);
    const gradFunc = (dy: Tensor, saved: Tensor[]) => mul(sub(exp(saved[0]!), saved[1]!), div(dy, logits.shape[0]));
    return { value: neg(mean(sum(mul(logProbabilities, targets), [1]))), gradFunc };
  });
  return loss(logits);
}

/** ln softmax over the last axis of [N, K], by subtracting the row's maximum first. */
export function logSoftmax(logits: Tensor): Tensor {
  const shifted = sub(logits, max(logits, [1], true));
  return sub(shifted, log(sum(exp(shifted), [1], true)));
}

/** [N] → [N, K]: 1 − ε + ε/K at the label, ε/K elsewhere. */
export function smoothedOneHot(labels: Tensor, classes: number, smoothing: number): Tensor {
  const hot = toFloat(equal(reshape(toFloat(labels), [-1, 1]), reshape(range(classes), [1, classes])));
  return smoothing === 0 ? hot : add(mul(hot, 1 - smoothing), smoothing / classes);
}

/** Value and gradients of a scalar function of named tensors; `aux` is what else the function computed on the way. */
export function valueAndGrad(
  f: (params: Tensors) => { loss: Tensor; aux: Tensors },
  params: Tensors,
): { loss: Tensor; grads: Tensors; aux: Tensors } {
  const names = Object.keys(params);
  let kept: Tensors = {};
  const { value, grads } = tf.valueAndGrads((...xs: Tensor[]) => {
    const { loss, aux } = f(Object.fromEntries(names.map((name, i) => [name, xs[i]!])));
    kept = mapTensors((x) => tf.keep(x.clone()), aux); // TensorFlow.js frees what the forward pass made but the loss
    return loss as tf.Scalar;
  })(names.map((name) => params[name]!));
  const aux = mapTensors((x) => x.clone(), kept);
  tf.dispose(kept);
  return { loss: value, grads: Object.fromEntries(names.map((name, i) => [name, grads[i]!])), aux };
}

/** Applies f to the entries of the same name. */
export function mapTensors(f: (x: Tensor, ...others: Tensor[]) => Tensor, first: Tensors, ...rest: Tensors[]): Tensors {
  return Object.fromEntries(Object.entries(first).map(([name, x]) => [name, f(x, ...rest.map((r) => r[name]!))]));
}
