/** The operations of `ops.ts` on flat float64 arrays, written as their definitions, and derivatives by differences. */
import type { Padding } from '../../src/tensor/ops.ts';

export type Doubles = Record<string, Float64Array>;
export type Shape4 = readonly [number, number, number, number];

/** ∂(Σ w·f)/∂x for every element, by central differences; the step is 1e-6 of the largest value of the channel. */
export function centralDifferences(
  f: (x: Doubles) => Float64Array,
  x: Doubles,
  name: string,
  channels: number,
  weights: Float32Array,
) {
  const loss = () => f(x).reduce((total, y, i) => total + y * weights[i]!, 0);
  const values = x[name]!;
  const step = Array.from(
    { length: channels },
    (_, c) => 1e-6 * Math.max(...values.filter((_, i) => i % channels === c).map(Math.abs)),
  );
  return values.map((value, i) => {
    const h = step[i % channels]!;
    values[i] = value + h;
    const above = loss();
    values[i] = value - h;
    const below = loss();
    values[i] = value;
    return (above - below) / (2 * h);
  });
}

/** The largest |actual − expected| of a channel over the largest |expected| of that channel. */
export function worstError(actual: ArrayLike<number>, expected: ArrayLike<number>, channels: number): number {
  const [error, size] = [new Float64Array(channels), new Float64Array(channels)];
  for (let i = 0; i < expected.length; i++) {
    const c = i % channels;
    error[c] = Math.max(error[c]!, Math.abs(actual[i]! - expected[i]!));
    size[c] = Math.max(size[c]!, Math.abs(expected[i]!));
  }
  return Math.max(...error.map((e, c) => (size[c] ? e / size[c] : e)));
}

/** Where a window of `size` starts before the first element: TensorFlow's `same` puts the odd pixel after. */
function windows(n: number, size: number, stride: number, padding: Padding) {
  const count = padding === 'same' ? Math.ceil(n / stride) : Math.floor((n - size) / stride) + 1;
  const before = padding === 'same' ? Math.floor(Math.max(0, (count - 1) * stride + size - n) / 2) : 0;
  return { count, before };
}

/** f of each window's elements (padding left out) for every image, output position and channel. */
export function pooled(
  x: Float64Array,
  [N, H, W, C]: Shape4,
  size: number,
  stride: number,
  padding: Padding,
  f: (window: number[]) => number,
) {
  const [rows, columns] = [windows(H, size, stride, padding), windows(W, size, stride, padding)];
  const y: number[] = [];
  for (let n = 0; n < N; n++)
    for (let r = 0; r < rows.count; r++)
      for (let q = 0; q < columns.count; q++)
        for (let c = 0; c < C; c++) {
          const window: number[] = [];
          for (let i = r * stride - rows.before; i < r * stride - rows.before + size; i++)
            for (let j = q * stride - columns.before; j < q * stride - columns.before + size; j++)
              if (i >= 0 && i < H && j >= 0 && j < W) window.push(x[((n * H + i) * W + j) * C + c]!);
          y.push(f(window));
        }
  return Float64Array.from(y);
}

export function convolved(
  x: Float64Array,
  [N, H, W, I]: Shape4,
  kernel: Float64Array,
  [size, , , O]: Shape4,
  stride: number,
  padding: Padding,
) {
  const [rows, columns] = [windows(H, size, stride, padding), windows(W, size, stride, padding)];
  const y = new Float64Array(N * rows.count * columns.count * O);
  y.forEach((_, at) => {
    const o = at % O;
    const q = Math.floor(at / O) % columns.count;
    const r = Math.floor(at / O / columns.count) % rows.count;
    const n = Math.floor(at / O / columns.count / rows.count);
    for (let a = 0; a < size; a++)
      for (let b = 0; b < size; b++) {
        const [i, j] = [r * stride - rows.before + a, q * stride - columns.before + b];
        if (i < 0 || i >= H || j < 0 || j >= W) continue;
        for (let c = 0; c < I; c++)
          y[at]! += x[((n * H + i) * W + j) * I + c]! * kernel[((a * size + b) * I + c) * O + o]!;
      }
  });
  return y;
}

/** Mean and biased variance of each channel. */
export function moments(x: Float64Array, channels: number) {
  const n = x.length / channels;
  const [mean, variance] = [new Float64Array(channels), new Float64Array(channels)];
  x.forEach((value, i) => (mean[i % channels]! += value / n));
  x.forEach((value, i) => (variance[i % channels]! += (value - mean[i % channels]!) ** 2 / n));
  return { mean, variance };
}
