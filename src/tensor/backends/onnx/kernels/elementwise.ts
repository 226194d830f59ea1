/** Elementwise kernels, with broadcasting; constants and broadcast operands stay small as long as they can. */
import { backend_util } from '@tensorflow/tfjs';
import { elementType, type Attributes } from '../graph.ts';
import {
  broadcastable,
  commonLayout,
  constant,
  inGraph,
  number,
  op,
  smallest,
  splatOf,
  spread,
  stored,
  type DataType,
  type Value,
  type Writer,
} from '../value.ts';
import type { Kernel, Kernels, Values } from './kernel.ts';

const broadcast = (a: readonly number[], b: readonly number[]): number[] =>
  backend_util.assertAndGetBroadcastShape([...a], [...b]);

/** One operator over operands that broadcast to `shape`, computed on their smallest forms. */
export function combined(
  w: Writer,
  name: string,
  operands: readonly Value[],
  shape: readonly number[],
  dtype: DataType,
): Value {
  const small = operands.map((v) => smallest(v).shape).reduce(broadcast);
  const layout = commonLayout(operands, small.length);
  const result = op(
    w,
    name,
    operands.map((v) => broadcastable(w, v, layout)),
  );
  return spread(inGraph(result, small, dtype, layout), shape);
}

const binary =
  (name: string, dtype?: DataType): Kernel =>
  ({ a, b }, _, w) =>
    combined(w, name, [a!, b!], broadcast(a!.shape, b!.shape), dtype ?? a!.dtype);

const not = (w: Writer, v: Value): Value => unary(w, 'Not', v);

/** One operator of one operand, in whichever layout that has. */
export function unary(w: Writer, name: string, v: Value, attributes: Attributes = {}, dtype = v.dtype): Value {
  const small = smallest(v);
  const { name: operand, layout } = stored(w, small);
  return spread(inGraph(op(w, name, [operand], attributes), small.shape, dtype, layout), v.shape);
}

const map =
  (name: string): Kernel =>
  ({ x }, _, w) =>
    unary(w, name, x!);

/** x ∘ c with a number. */
const withNumber = (w: Writer, name: string, v: Value, c: number, dtype = v.dtype): Value =>
  combined(w, name, [v, constant([c], [], v.dtype)], v.shape, dtype);

function multiply({ a, b }: Values, w: Writer): Value {
  const shape = broadcast(a!.shape, b!.shape);
  for (const [one, other] of [
    [a!, b!],
    [b!, a!],
  ] as const)
    if (splatOf(one) === 1) return spread(other, shape);
  if (a!.source === b!.source) return square(a!, w);
  return combined(w, 'Mul', [a!, b!], shape, a!.dtype);
}

function square(v: Value, w: Writer): Value {
  return { ...combined(w, 'Mul', [v, v], v.shape, v.dtype), squareOf: v };
}

export const elementwise: Kernels = {
  Add: binary('Add'),
  AddN: (terms, _, w) =>
    Object.values(terms).reduce((total, term) => combined(w, 'Add', [total, term], term.shape, term.dtype)),
  Sub: binary('Sub'),
  Multiply: (inputs, _, w) => multiply(inputs, w),
  RealDiv: ({ a, b }, _, w) =>
    splatOf(b!) === 1
      ? spread(a!, broadcast(a!.shape, b!.shape))
      : combined(w, 'Div', [a!, b!], broadcast(a!.shape, b!.shape), 'float32'),
  Pow: binary('Pow'),
  Maximum: binary('Max'),
  Minimum: binary('Min'),
  SquaredDifference: ({ a, b }, _, w) =>
    square(combined(w, 'Sub', [a!, b!], broadcast(a!.shape, b!.shape), a!.dtype), w),

  Greater: binary('Greater', 'bool'),
  GreaterEqual: binary('GreaterOrEqual', 'bool'),
  Less: binary('Less', 'bool'),
  LessEqual: binary('LessOrEqual', 'bool'),
  Equal: binary('Equal', 'bool'),
  NotEqual: ({ a, b }, _, w) => not(w, combined(w, 'Equal', [a!, b!], broadcast(a!.shape, b!.shape), 'bool')),
  LogicalAnd: binary('And', 'bool'),
  LogicalOr: binary('Or', 'bool'),
  LogicalNot: map('Not'),
  Select: ({ condition, t, e }, _, w) => {
    const shape = broadcast(t!.shape, e!.shape);
    return combined(w, 'Where', [condition!, t!, e!], broadcast(condition!.shape, shape), t!.dtype);
  },

  Abs: map('Abs'),
  Neg: map('Neg'),
  Sign: map('Sign'),
  Sqrt: map('Sqrt'),
  Rsqrt: ({ x }, _, w) => unary(w, 'Reciprocal', unary(w, 'Sqrt', x!)),
  Reciprocal: map('Reciprocal'),
  Square: ({ x }, _, w) => square(x!, w),
  Exp: map('Exp'),
  Log: map('Log'),
  Log1p: ({ x }, _, w) => unary(w, 'Log', withNumber(w, 'Add', x!, 1)),
  Relu: map('Relu'),
  Sigmoid: map('Sigmoid'),
  Tanh: map('Tanh'),
  Floor: map('Floor'),
  Ceil: map('Ceil'),
  /** x > 0 → 1, otherwise alpha. */
  Step: ({ x }, { alpha }, w) =>
    combined(
      w,
      'Where',
      [
        withNumber(w, 'Greater', x!, 0, 'bool'),
        constant([1], [], 'float32'),
        constant([(alpha as number | undefined) ?? 0], [], 'float32'),
      ],
      x!.shape,
      'float32',
    ),
  ClipByValue: ({ x }, { clipValueMin, clipValueMax }, w) => {
    const small = smallest(x!);
    const { name, layout } = stored(w, small);
    const clipped = op(w, 'Clip', [name, number(w, clipValueMin as number), number(w, clipValueMax as number)]);
    return spread(inGraph(clipped, small.shape, x!.dtype, layout), x!.shape);
  },
  Cast: ({ x }, { dtype }, w) => {
    const to = dtype as DataType;
    return to === x!.dtype ? x! : unary(w, 'Cast', x!, { to: elementType[to] }, to);
  },
  Identity: ({ x }) => x!,
  ZerosLike: ({ x }) => spread(constant([0], [], x!.dtype), x!.shape),
  OnesLike: ({ x }) => spread(constant([1], [], x!.dtype), x!.shape),

  /** dy where y > 0, else 0. */
  ReluGrad: ({ dy, y }, _, w) =>
    combined(
      w,
      'Where',
      [withNumber(w, 'Greater', y!, 0, 'bool'), dy!, constant([0], [], 'float32')],
      y!.shape,
      'float32',
    ),
};
