/**
 * Bilinear resizing with antialiasing, byte for byte as Pillow computes it (and with it torchvision on PIL images): a triangle
 * filter as wide as the reduction, columns first, then rows, coefficients of 22 fractional bits, each pass rounded to bytes.
 * libvips' own filter of the same shape rounds differently.
 *
 * Reference: Pillow, src/libImaging/Resample.c (ImagingResample, 8 bits a channel).
 */
import { resampleKernel } from './resampleKernel.ts';

/** RGB bytes, row after row. */
export interface Pixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** A part of an image, in whole pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

interface Kernel {
  horizontal(
    source: number,
    out: number,
    rows: number,
    sourceStride: number,
    outStride: number,
    width: number,
    bounds: number,
    weights: number,
    most: number,
  ): void;
  vertical(
    source: number,
    out: number,
    stride: number,
    height: number,
    bounds: number,
    weights: number,
    most: number,
  ): void;
}

/** What is used of the engine's WebAssembly, whose types belong to the browser's library. */
declare const WebAssembly: {
  Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer; grow(pages: number): number };
  Module: new (code: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

const page = 65_536;
const memory = new WebAssembly.Memory({ initial: 1 });
const kernel = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(resampleKernel, 'base64')), {
  env: { memory },
}).exports as Kernel;

/** The filter of one axis: for each output position the first source position, the number of taps and their weights · 2²². */
interface Axis {
  readonly bounds: Int32Array;
  readonly weights: Int32Array;
  readonly most: number;
}

/** The outputs `from` … `from + count − 1` of a resize of `size` positions to `target`, in reverse where mirrored. */
function axis(size: number, target: number, from: number, count: number, isMirrored = false): Axis {
  const scale = size / target;
  const reach = Math.max(scale, 1);
  const most = Math.ceil(reach) * 2 + 1;
  const bounds = new Int32Array(2 * count);
  const weights = new Int32Array(most * count);
  const shares = new Float64Array(most);
  for (let i = 0; i < count; i++) {
    const centre = (from + (isMirrored ? count - 1 - i : i) + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const taps = Math.min(size, Math.trunc(centre + reach + 0.5)) - first;
    let total = 0;
    for (let k = 0; k < taps; k++) {
      const distance = Math.abs((k + first - centre + 0.5) * (1 / reach));
      total += shares[k] = distance < 1 ? 1 - distance : 0;
    }
    bounds[2 * i] = first;
    bounds[2 * i + 1] = taps;
    for (let k = 0; k < taps; k++) weights[most * i + k] = Math.trunc(0.5 + ((shares[k] as number) / total) * 2 ** 22);
  }
  return { bounds, weights, most };
}

/**
 * Resizes the part `box` of an image, taken as an image of its own, to `target`, and writes the part `window` of that (whole where
 * absent) to `out` at `to`, mirrored left to right where asked.
 */
export function resample(
  source: Pixels,
  box: Box,
  target: { readonly width: number; readonly height: number },
  out: Uint8Array,
  to: number,
  { window = { left: 0, top: 0, ...target }, isMirrored = false }: { window?: Box; isMirrored?: boolean } = {},
): void {
  const across = axis(box.width, target.width, window.left, window.width, isMirrored);
  const down = axis(box.height, target.height, window.top, window.height);
  const firstRow = down.bounds[0] as number;
  const endRow = (down.bounds.at(-2) as number) + (down.bounds.at(-1) as number);
  for (let i = 0; i < window.height; i++) (down.bounds[2 * i] as number) -= firstRow;

  const rows = endRow - firstRow;
  const sourceStride = box.width * 3;
  const rowBytes = window.width * 3;
  const stride = Math.ceil(rowBytes / 16) * 16; // whole vectors
  const place = layout([
    rows * sourceStride + 4,
    rows * stride + 16,
    window.height * stride,
    across.bounds.byteLength,
    across.weights.byteLength,
    down.bounds.byteLength,
    down.weights.byteLength,
  ]);
  const [pixels = 0, between = 0, result = 0, acrossBounds = 0, acrossWeights = 0, downBounds = 0, downWeights = 0] =
    place;
  const bytes = new Uint8Array(memory.buffer);
  const start = ((box.top + firstRow) * source.width + box.left) * 3;
  copyRows(source.data, start, source.width * 3, bytes, pixels, sourceStride, sourceStride, rows);
  const words = new Int32Array(memory.buffer);
  words.set(across.bounds, acrossBounds / 4);
  words.set(across.weights, acrossWeights / 4);
  words.set(down.bounds, downBounds / 4);
  words.set(down.weights, downWeights / 4);

  kernel.horizontal(
    pixels,
    between,
    rows,
    sourceStride,
    stride,
    window.width,
    acrossBounds,
    acrossWeights,
    across.most,
  );
  kernel.vertical(between, result, stride, window.height, downBounds, downWeights, down.most);
  copyRows(bytes, result, stride, out, to, rowBytes, rowBytes, window.height);
}

/** Copies rows of `length` bytes that lie `fromStride` and `toStride` bytes apart. */
function copyRows(
  source: Uint8Array,
  from: number,
  fromStride: number,
  target: Uint8Array,
  to: number,
  toStride: number,
  length: number,
  rows: number,
): void {
  if (fromStride === length && toStride === length) {
    target.set(source.subarray(from, from + rows * length), to);
    return;
  }
  for (let y = 0; y < rows; y++) {
    target.set(source.subarray(from + y * fromStride, from + y * fromStride + length), to + y * toStride);
  }
}

/** Places for buffers of these sizes in the kernel's memory, which grows to hold them. */
function layout(sizes: readonly number[]): number[] {
  let end = 0;
  const places = sizes.map((size) => {
    const at = end;
    end = Math.ceil((at + size) / 16) * 16;
    return at;
  });
  const missing = Math.ceil((end - memory.buffer.byteLength) / page);
  if (missing > 0) memory.grow(missing);
  return places;
}
