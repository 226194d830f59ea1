/**
 * What a kernel sees of a traced tensor, and how it becomes a graph tensor.
 *
 * The logical world is NHWC and HWIO; ONNX convolutions want NCHW and OIHW. A rank-4 value therefore says in which order
 * its elements lie, and is transposed only where an operator needs another.
 */
import { sizeOf } from '../../compile.ts';
import type { Attributes, Graph, Port } from './graph.ts';

export type Layout = 'plain' | 'nchw' | 'oihw';
export type DataType = 'float32' | 'int32' | 'bool';

/** Physical axis i holds logical axis order[i]. */
const orders: Record<Exclude<Layout, 'plain'>, readonly number[]> = { nchw: [0, 3, 1, 2], oihw: [3, 2, 0, 1] };

export const orderOf = (layout: Layout, rank: number): readonly number[] =>
  layout === 'plain' ? Array.from({ length: rank }, (_, i) => i) : orders[layout];

/** Logical shape → the shape of the graph tensor. */
export const physical = (shape: readonly number[], layout: Layout): number[] =>
  orderOf(layout, shape.length).map((axis) => shape[axis]!);

export interface Value {
  readonly shape: readonly number[];
  readonly dtype: DataType;
  readonly source:
    | { readonly kind: 'graph'; readonly name: string; readonly layout: Layout }
    | { readonly kind: 'constant'; readonly data: Float32Array | readonly number[] }
    /** The smaller value `of`, broadcast; written out only where broadcasting cannot do it. */
    | { readonly kind: 'spread'; readonly of: Value };
  /** Set where this is the square of a value: its sum is one operator. */
  readonly squareOf?: Value;
  /** Set where this is base · channels[C]: a convolution's gradients can do the product on the smaller kernel. */
  readonly product?: { readonly base: Value; readonly channels: Value };
}

export const inGraph = (name: string, shape: readonly number[], dtype: DataType, layout: Layout = 'plain'): Value => ({
  shape,
  dtype,
  source: { kind: 'graph', name, layout },
});

export const constant = (data: Float32Array | readonly number[], shape: readonly number[], dtype: DataType): Value => ({
  shape,
  dtype,
  source: { kind: 'constant', data },
});

/** `of` broadcast to `shape`. */
export function spread(of: Value, shape: readonly number[]): Value {
  const small = smallest(of);
  if (small.shape.join() === shape.join()) return small;
  return { shape, dtype: of.dtype, source: { kind: 'spread', of: small } };
}

/** The smallest value that broadcasts to v. */
export const smallest = (v: Value): Value => (v.source.kind === 'spread' ? v.source.of : v);

/** The one number a constant consists of, if it does. */
export function splatOf(v: Value): number | undefined {
  const { source } = smallest(v);
  return source.kind === 'constant' && source.data.length === 1 ? source.data[0] : undefined;
}

/** A constant, as a spread scalar where all elements are equal. */
export function literal(data: Float32Array | readonly number[], shape: readonly number[], dtype: DataType): Value {
  const first = data[0];
  for (let i = 1; i < data.length; i++) if (data[i] !== first) return constant(data, shape, dtype);
  if (first === undefined || shape.length === 0) return constant(data, shape, dtype);
  return spread(constant([first], [], dtype), shape);
}

/** Where kernels write. */
export interface Writer {
  readonly graph: Graph;
  readonly device: 'cpu' | 'webgpu';
}

export const ints = ({ graph }: Writer, values: readonly number[]): string =>
  graph.constant(values, [values.length], 'int64');
export const number = ({ graph }: Writer, value: number): string => graph.constant([value], [], 'float32');

export const op = ({ graph }: Writer, name: string, inputs: readonly string[], attributes: Attributes = {}): string =>
  graph.node(name, inputs, attributes);

export const reshaped = (w: Writer, name: string, shape: readonly number[]): string =>
  op(w, 'Reshape', [name, ints(w, shape)]);

/** Axes of a tensor in a new order; a reshape where only axes of size 1 move. */
export function transposed(w: Writer, name: string, shape: readonly number[], perm: readonly number[]): string {
  if (perm.every((axis, i) => axis === i)) return name;
  const moving = perm.filter((axis) => shape[axis] !== 1);
  if (moving.every((axis, i) => i === 0 || axis > moving[i - 1]!))
    return reshaped(
      w,
      name,
      perm.map((axis) => shape[axis]!),
    );
  return op(w, 'Transpose', [name], { perm });
}

/** The graph tensor of v in whichever layout it has. */
export function stored(w: Writer, v: Value): { name: string; layout: Layout } {
  const { source } = v;
  if (source.kind === 'graph') return source;
  if (source.kind === 'constant') return { name: w.graph.constant(source.data, v.shape, v.dtype), layout: 'plain' };
  const { of } = source;
  const inner = stored(w, of);
  const layout = v.shape.length === 4 && of.shape.length === 4 ? inner.layout : 'plain';
  const name = layout === inner.layout ? inner.name : inLayout(w, of, 'plain');
  return { name: op(w, 'Expand', [name, ints(w, physical(v.shape, layout))]), layout };
}

/** The graph tensor of v in a layout. */
export function inLayout(w: Writer, v: Value, layout: Layout): string {
  const { name, layout: from } = stored(w, v);
  if (from === layout) return name;
  const rank = v.shape.length;
  const have = orderOf(from, rank);
  const perm = orderOf(layout, rank).map((axis) => have.indexOf(axis));
  return transposed(w, name, physical(v.shape, from), perm);
}

export const plain = (w: Writer, v: Value): string => inLayout(w, v, 'plain');

/** The graph tensor of v's smallest form, shaped so that it broadcasts against tensors of a layout. */
export function broadcastable(w: Writer, v: Value, layout: Layout): string {
  const small = smallest(v);
  if (layout === 'plain' || sizeOf(small.shape) === 1) return plain(w, small);
  const padded = [...Array.from({ length: 4 - small.shape.length }, () => 1), ...small.shape];
  if (small.shape.length === 4) return inLayout(w, small, layout);
  // a lower rank has no layout of its own; leading axes of size 1 are implied
  const perm = orderOf(layout, 4);
  const name = transposed(w, reshaped(w, plain(w, small), padded), padded, perm);
  return name;
}

/** The layout in which values of these shapes are best combined: that of the largest one that has one. */
export function commonLayout(values: readonly Value[], rank: number): Layout {
  if (rank !== 4) return 'plain';
  let best: Layout = 'plain';
  let size = 1;
  for (const v of values.map(smallest)) {
    if (v.source.kind === 'graph' && v.source.layout !== 'plain' && sizeOf(v.shape) > size) {
      best = v.source.layout;
      size = sizeOf(v.shape);
    }
  }
  return best;
}

export const portOf = (name: string, { shape, dtype }: Value, layout: Layout): Port => ({
  name,
  type: dtype,
  shape: physical(shape, layout),
});
