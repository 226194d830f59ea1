/** Reductions over axes, done in the layout the operand has. */
import { util } from '@tensorflow/tfjs';
import { sizeOf } from '../../../compile.ts';
import { elementType } from '../graph.ts';
import { constant, inGraph, ints, op, orderOf, stored, type Value, type Writer } from '../value.ts';
import { combined, unary } from './elementwise.ts';
import type { Kernel, Kernels } from './kernel.ts';

/** One reducing operator; the result of a rank-4 value without its dimensions kept lies plain. */
export function reduced(w: Writer, name: string, v: Value, axes: readonly number[], keepDims: boolean): Value {
  if (axes.length === 0) return v;
  const { name: operand, layout } = stored(w, v);
  const order = orderOf(layout, v.shape.length);
  const places = ints(
    w,
    axes.map((axis) => order.indexOf(axis)).sort((a, b) => a - b),
  );
  const kept = v.shape.map((n, axis) => (axes.includes(axis) ? 1 : n));
  const left = order.filter((axis) => !axes.includes(axis));
  const inOrder = left.every((axis, i) => i === 0 || axis > left[i - 1]!);
  if (keepDims || !inOrder) {
    const result = inGraph(op(w, name, [operand, places], { keepdims: 1 }), kept, v.dtype, layout);
    return keepDims ? result : withoutAxes(w, result, axes);
  }
  const shape = v.shape.filter((_, axis) => !axes.includes(axis));
  return inGraph(op(w, name, [operand, places], { keepdims: 0 }), shape, v.dtype);
}

function withoutAxes(w: Writer, v: Value, axes: readonly number[]): Value {
  const { name, layout } = stored(w, v);
  const order = orderOf(layout, v.shape.length);
  const perm = v.shape.map((_, axis) => order.indexOf(axis));
  const shape = v.shape.filter((_, axis) => !axes.includes(axis));
  const logical = op(w, 'Transpose', [name], { perm });
  return inGraph(op(w, 'Reshape', [logical, ints(w, shape)]), shape, v.dtype);
}

const axesOf = (attrs: Readonly<Record<string, unknown>>, v: Value): number[] =>
  util.parseAxisParam((attrs['axis'] ?? attrs['reductionIndices'] ?? v.shape.map((_, i) => i)) as number[], [
    ...v.shape,
  ]);

const kernel =
  (reduce: (w: Writer, v: Value, axes: readonly number[], keepDims: boolean) => Value): Kernel =>
  ({ x }, attrs, w) =>
    reduce(w, x!, axesOf(attrs, x!), Boolean(attrs['keepDims']));

const by =
  (name: string) =>
  (w: Writer, v: Value, axes: readonly number[], keepDims: boolean): Value =>
    reduced(w, name, v, axes, keepDims);

/**
 * Sum over axes. Over the outer and inner axes of [N, C, H, W] it goes in two operators, twice as fast as one; a sum of
 * squares is one operator only where all axes go, elsewhere that operator is slower than multiplying first.
 */
export function sum(w: Writer, v: Value, axes: readonly number[], keepDims: boolean): Value {
  if (v.squareOf && axes.length > 0 && axes.length === v.shape.length)
    return reduced(w, 'ReduceSumSquare', v.squareOf, axes, keepDims);
  if (v.dtype === 'bool') return sum(w, unary(w, 'Cast', v, { to: elementType.int32 }, 'int32'), axes, keepDims);
  const [batch, ...rest] = axes.toSorted((a, b) => a - b);
  if (v.shape.length === 4 && axes.length === 3 && rest.at(-1) === 2 && stored(w, v).layout === 'nchw') {
    return reduced(
      w,
      'ReduceSum',
      reduced(w, 'ReduceSum', v, rest, true),
      keepDims ? [batch!] : [batch!, ...rest],
      keepDims,
    );
  }
  return reduced(w, 'ReduceSum', v, axes, keepDims);
}

const count = (v: Value, axes: readonly number[]): number => sizeOf(axes.map((axis) => v.shape[axis]!));

export function mean(w: Writer, v: Value, axes: readonly number[], keepDims: boolean): Value {
  if (axes.length === 0) return v;
  const total = sum(w, v, axes, keepDims);
  return combined(w, 'Mul', [total, constant([1 / count(v, axes)], [], 'float32')], total.shape, 'float32');
}

export const reduction: Kernels = {
  Sum: kernel(sum),
  Mean: kernel(mean),
  Max: kernel(by('ReduceMax')),
  Min: kernel(by('ReduceMin')),
  Prod: kernel(by('ReduceProd')),
};
