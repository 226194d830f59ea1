/** Kernels that make, move and cut tensors without arithmetic. */
import { backend_util, slice_util, util } from '@tensorflow/tfjs';
import { sizeOf } from '../../../compile.ts';
import { elementType } from '../graph.ts';
import {
  constant,
  inGraph,
  inLayout,
  ints,
  literal,
  number,
  op,
  orderOf,
  plain,
  reshaped,
  smallest,
  splatOf,
  spread,
  stored,
  transposed,
  type DataType,
  type Value,
  type Writer,
} from '../value.ts';
import { combined, unary } from './elementwise.ts';
import type { Kernels } from './kernel.ts';

function reshape(w: Writer, v: Value, shape: readonly number[]): Value {
  if (shape.join() === v.shape.join()) return v;
  const splat = splatOf(v);
  if (splat !== undefined) return spread(constant([splat], [], v.dtype), shape);
  if (v.source.kind === 'constant') return constant(v.source.data, shape, v.dtype);
  return inGraph(reshaped(w, plain(w, v), shape), shape, v.dtype);
}

/** Constant padding; [before, after] of each logical axis. */
export function padded(w: Writer, v: Value, pads: readonly (readonly [number, number])[], value: number): Value {
  const shape = v.shape.map((n, axis) => n + pads[axis]![0] + pads[axis]![1]);
  if (shape.join() === v.shape.join()) return v;
  const { name, layout } = stored(w, v);
  const order = orderOf(layout, v.shape.length);
  const amounts = [...order.map((axis) => pads[axis]![0]), ...order.map((axis) => pads[axis]![1])];
  const fill = w.graph.constant([value], [], v.dtype === 'bool' ? 'bool' : v.dtype);
  return inGraph(op(w, 'Pad', [name, ints(w, amounts), fill]), shape, v.dtype, layout);
}

function slice(w: Writer, v: Value, begin: readonly number[], size: readonly number[]): Value {
  if (size.join() === v.shape.join()) return v;
  const small = smallest(v);
  if (small.shape.length === 0) return spread(small, size);
  const { name, layout } = stored(w, v);
  const axes = v.shape.flatMap((n, axis) => (size[axis] === n ? [] : [axis]));
  const order = orderOf(layout, v.shape.length);
  const starts = ints(
    w,
    axes.map((axis) => begin[axis]!),
  );
  const ends = ints(
    w,
    axes.map((axis) => begin[axis]! + size[axis]!),
  );
  const result = op(w, 'Slice', [
    name,
    starts,
    ends,
    ints(
      w,
      axes.map((axis) => order.indexOf(axis)),
    ),
  ]);
  return inGraph(result, size, v.dtype, layout);
}

function concat(w: Writer, values: readonly Value[], axis: number): Value {
  const first = values[0]!;
  if (values.length === 1) return first;
  const { layout } = stored(w, first);
  const place = orderOf(layout, first.shape.length).indexOf(axis);
  const result = op(
    w,
    'Concat',
    values.map((v) => inLayout(w, v, layout)),
    { axis: place },
  );
  const total = values.reduce((n, v) => n + v.shape[axis]!, 0);
  return inGraph(result, first.shape.with(axis, total), first.dtype, layout);
}

export const shaping: Kernels = {
  Fill: (_, { shape, value, dtype }) =>
    spread(
      constant([value as number], [], ((dtype as string | undefined) ?? 'float32') as DataType),
      shape as number[],
    ),
  Range: (_, { start, stop, step, dtype }) => {
    const [from, to, by] = [start, stop, step] as [number, number, number];
    const data = Array.from({ length: Math.max(0, Math.ceil((to - from) / by)) }, (_unused, i) => from + i * by);
    return literal(data, [data.length], dtype as DataType);
  },
  Reshape: ({ x }, { shape }, w) => reshape(w, x!, util.inferFromImplicitShape(shape as number[], sizeOf(x!.shape))),
  ExpandDims: ({ input }, { dim }, w) => {
    const rank = input!.shape.length + 1;
    return reshape(w, input!, input!.shape.toSpliced(((dim as number) + rank) % rank, 0, 1));
  },
  Transpose: ({ x }, { perm }, w) => {
    const order = perm as number[];
    const shape = order.map((axis) => x!.shape[axis]!);
    return inGraph(transposed(w, plain(w, x!), x!.shape, order), shape, x!.dtype);
  },
  PadV2: ({ x }, { paddings, constantValue }, w) =>
    padded(w, x!, paddings as [number, number][], constantValue as number),
  Slice: ({ x }, { begin, size }, w) => {
    const [starts, sizes] = slice_util.parseSliceParams(
      { shape: [...x!.shape] } as never,
      begin as number[],
      size as number[],
    );
    return slice(w, x!, starts!, sizes!);
  },
  Concat: (values, { axis }, w) => {
    const all = Object.values(values);
    const filled = all.filter((v) => sizeOf(v.shape) > 0);
    return concat(w, filled, util.parseAxisParam(axis as number, [...all[0]!.shape])[0]!);
  },
  /** A broadcast where only axes of size 1 repeat. */
  Tile: ({ x }, { reps }, w) => {
    const times = reps as number[];
    const shape = x!.shape.map((n, axis) => n * times[axis]!);
    if (x!.shape.every((n, axis) => n === 1 || times[axis] === 1)) return spread(x!, shape);
    return inGraph(op(w, 'Tile', [plain(w, x!), ints(w, times)]), shape, x!.dtype);
  },
  GatherV2: ({ x, indices }, { axis }, w) => {
    const along = util.parseAxisParam(axis as number, [...x!.shape])[0]!;
    const shape = x!.shape.toSpliced(along, 1, ...indices!.shape);
    return inGraph(op(w, 'Gather', [plain(w, x!), plain(w, indices!)], { axis: along }), shape, x!.dtype);
  },
  OneHot: ({ indices }, { depth, onValue, offValue, dtype }, w) => {
    const classes = depth as number;
    const column = reshape(w, indices!, [...indices!.shape, 1]);
    const shape = [...indices!.shape, classes];
    const hit = combined(w, 'Equal', [column, literal([...Array(classes).keys()], [classes], 'int32')], shape, 'bool');
    const floats = unary(w, 'Cast', hit, { to: elementType.float32 }, 'float32');
    const scaled = combined(
      w,
      'Mul',
      [floats, constant([(onValue as number) - (offValue as number)], [], 'float32')],
      shape,
      'float32',
    );
    const result = inGraph(op(w, 'Add', [plain(w, scaled), number(w, offValue as number)]), shape, 'float32');
    return dtype === 'float32' ? result : unary(w, 'Cast', result, { to: elementType.int32 }, 'int32');
  },
  BatchMatMul: ({ a, b }, { transposeA, transposeB }, w) => {
    const left = a!.shape.slice(-2);
    const right = b!.shape.slice(-2);
    const rows = transposeA ? left[1]! : left[0]!;
    const columns = transposeB ? right[0]! : right[1]!;
    const batch = backend_util.assertAndGetBroadcastShape(a!.shape.slice(0, -2), b!.shape.slice(0, -2));
    const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 };
    const operands = [plain(w, a!), plain(w, b!)];
    const flat = a!.shape.length === 2 && b!.shape.length === 2;
    return inGraph(op(w, flat ? 'Gemm' : 'FusedMatMul', operands, attributes), [...batch, rows, columns], 'float32');
  },
};
