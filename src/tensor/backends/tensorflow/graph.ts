/**
 * A program as a TensorFlow graph while it is being recorded: operations are added through the C API, which infers types
 * and shapes as it goes, so nothing is computed and a mistake is found at the operation that makes it.
 *
 * Constants are shared by value, and large ones with a single value are written as Fill. Every operation is also written
 * down as a line of text; two recordings of a pure program have the same lines.
 */
import { createHash } from 'node:crypto';
import { sizeOf } from '../../compile.ts';
import { dimsOf, dtypes, newTensor, outputArray, type CApi, type Output, type Pointer } from './capi.ts';

/** An attribute as tfjs-node's kernels give it; `type` is one of `attributeTypes`. */
export interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}
export const attributeTypes = { string: 0, int: 1, float: 2, bool: 3, type: 4, shape: 5 } as const;

/** A value in the graph. */
export interface Value {
  readonly output: Output;
  /** Undefined where it depends on values, as of what an operation keeps for its gradient. */
  readonly shape: readonly number[] | undefined;
  readonly dtype: number;
  /** Number of the line that made it, and which output of it. */
  readonly label: string;
}

/** A number given to an operation, in host memory. */
export interface Constant {
  readonly shape: readonly number[];
  readonly dtype: number;
  readonly bytes: Uint8Array;
}

/** What was recorded, in order: a constant, or an operation on earlier values. */
export type Entry =
  | { readonly constant: Constant; readonly outputs: readonly Value[] }
  | {
      readonly op: string;
      readonly attributes: readonly Attribute[];
      readonly inputs: readonly Value[];
      readonly outputs: readonly Value[];
    };

export interface Graph {
  readonly pointer: Pointer;
  readonly entries: readonly Entry[];
  /** One line an operation. */
  readonly lines: readonly string[];
  placeholder(shape: readonly number[], dtype: number): Value;
  constant(value: Constant): Value;
  operation(
    op: string,
    attributes: readonly Attribute[],
    inputs: readonly Value[],
    outputs: number,
    order?: { readonly after: readonly Pointer[] },
  ): Value[];
  /** The value with a shape that TensorFlow cannot infer. */
  shaped(value: Value, shape: readonly number[]): Value;
  /** An operation that is run for what it does; it yields nothing. */
  effect(op: string, attributes: readonly Attribute[], inputs: readonly Value[], after: readonly Pointer[]): Pointer;
  readonly effects: readonly Pointer[];
  /** A call of a function, compiled by XLA, whose results have the types and shapes of `like`. */
  compiledCall(name: string, definition: Pointer, inputs: readonly Value[], like: readonly Value[]): Value[];
  close(): void;
}

const fillAbove = 64; // bytes

export function newGraph(api: CApi): Graph {
  const graph = api.TF_NewGraph();
  const lines: string[] = [];
  const entries: Entry[] = [];
  const constants = new Map<string, Value>();
  const effects: Pointer[] = [];

  function setAttribute(description: Pointer, { name, type, value }: Attribute): void {
    switch (type) {
      case attributeTypes.string: {
        const bytes = Buffer.from(value as string);
        return api.TF_SetAttrString(description, name, bytes, bytes.length);
      }
      case attributeTypes.int:
        return Array.isArray(value)
          ? api.TF_SetAttrIntList(description, name, dimsOf(value as number[]), value.length)
          : api.TF_SetAttrInt(description, name, value as number);
      case attributeTypes.float:
        return api.TF_SetAttrFloat(description, name, value as number);
      case attributeTypes.bool:
        return api.TF_SetAttrBool(description, name, value ? 1 : 0);
      case attributeTypes.type:
        return api.TF_SetAttrType(description, name, value as number);
      case attributeTypes.shape:
        return api.TF_SetAttrShape(description, name, dimsOf(value as number[]), (value as number[]).length);
      default:
        throw new TypeError(`attribute ${name} has the unknown type ${type}`);
    }
  }

  function valueOf(oper: Pointer, index: number): Value {
    const output = { oper, index };
    const rank = api.checked((status) => api.TF_GraphGetTensorNumDims(graph, output, status));
    const dims = new BigInt64Array(Math.max(rank, 0));
    if (rank > 0) api.checked((status) => api.TF_GraphGetTensorShape(graph, output, dims, rank, status));
    const known = rank >= 0 && dims.every((n) => n >= 0n);
    const shape = known ? Array.from(dims, Number) : undefined;
    return { output, shape, dtype: api.TF_OperationOutputType(output), label: `${lines.length - 1}:${index}` };
  }

  function finish(op: string, line: string, describe: (description: Pointer) => void): Pointer {
    const description = api.TF_NewOperation(graph, op, `${op}_${lines.length}`);
    describe(description);
    const oper = api.checked((status) => api.TF_FinishOperation(description, status));
    lines.push(line);
    return oper;
  }

  function recorded(
    op: string,
    attributes: readonly Attribute[],
    inputs: readonly Value[],
    after: readonly Pointer[],
  ): Pointer {
    const settings = attributes.map(({ name, value }) => `${name}=${String(value)}`).join(' ');
    const line = `${op}(${inputs.map(({ label, shape }) => `%${label} [${shape?.join(', ') ?? '?'}]`).join(', ')}) ${settings}`;
    return finish(op, line, (description) => {
      // an operation of N equal inputs takes them first, as a list
      const listed = (attributes.find(({ name }) => name === 'N')?.value as number | undefined) ?? 0;
      if (listed > 0) {
        const list = outputArray(inputs.slice(0, listed).map(({ output }) => output));
        api.TF_AddInputList(description, list, listed);
      }
      for (const { output } of inputs.slice(listed)) api.TF_AddInput(description, output);
      for (const attribute of attributes) setAttribute(description, attribute);
      for (const oper of after) api.TF_AddControlInput(description, oper);
    });
  }

  function operation(
    op: string,
    attributes: readonly Attribute[],
    inputs: readonly Value[],
    outputs: number,
    { after } = { after: [] as readonly Pointer[] },
  ): Value[] {
    const oper = recorded(op, attributes, inputs, after);
    const made = Array.from({ length: outputs }, (_, i) => valueOf(oper, i));
    entries.push({ op, attributes, inputs, outputs: made });
    return made;
  }

  function effect(
    op: string,
    attributes: readonly Attribute[],
    inputs: readonly Value[],
    after: readonly Pointer[],
  ): Pointer {
    const oper = recorded(op, attributes, inputs, after);
    entries.push({ op, attributes, inputs, outputs: [] });
    effects.push(oper);
    return oper;
  }

  function shaped(value: Value, shape: readonly number[]): Value {
    api.checked((status) => api.TF_GraphSetTensorShape(graph, value.output, dimsOf(shape), shape.length, status));
    return { ...value, shape };
  }

  const typed = (name: string, value: number): Attribute => ({ name, type: attributeTypes.type, value });

  function placeholder(shape: readonly number[], dtype: number): Value {
    const attributes = [typed('dtype', dtype), { name: 'shape', type: attributeTypes.shape, value: shape }];
    return operation('Placeholder', attributes, [], 1)[0]!;
  }

  function plainConstant({ shape, dtype, bytes }: Constant, line: string): Value {
    const tensor = newTensor(api, dtype, shape, bytes);
    const oper = finish('Const', line, (description) => {
      api.checked((status) => api.TF_SetAttrTensor(description, 'value', tensor, status));
      api.TF_SetAttrType(description, 'dtype', dtype);
    });
    api.TF_DeleteTensor(tensor);
    const made = valueOf(oper, 0);
    entries.push({ constant: { shape, dtype, bytes }, outputs: [made] });
    return made;
  }

  function constant(value: Constant): Value {
    const { shape, dtype, bytes } = value;
    const splat = bytes.length > fillAbove && bytes.length / sizeOf(shape) === 4 && isSplat(bytes);
    const content = splat ? `all ${hex(bytes.subarray(0, 4))}` : bytes.length <= fillAbove ? hex(bytes) : digest(bytes);
    const key = `${dtype} [${shape.join(', ')}] ${content}`;
    const known = constants.get(key);
    if (known) return known;
    const made = splat ? filled(value) : plainConstant(value, `Const ${key}`);
    constants.set(key, made);
    return made;
  }

  function filled({ shape, dtype, bytes }: Constant): Value {
    const attributes = [typed('T', dtype), typed('index_type', dtypes.int32)];
    const dims = new Uint8Array(Int32Array.from(shape).buffer);
    const inputs = [
      constant({ shape: [shape.length], dtype: dtypes.int32, bytes: dims }),
      constant({ shape: [], dtype, bytes: bytes.subarray(0, 4) }),
    ];
    return operation('Fill', attributes, inputs, 1)[0]!;
  }

  function compiledCall(name: string, definition: Pointer, inputs: readonly Value[], like: readonly Value[]): Value[] {
    api.checked((status) => api.TF_GraphCopyFunction(graph, definition, null, status));
    const types = (values: readonly Value[]) => Int32Array.from(values, ({ dtype }) => dtype);
    const oper = finish('PartitionedCall', `call of ${name}`, (description) => {
      api.TF_AddInputList(description, outputArray(inputs.map(({ output }) => output)), inputs.length);
      api.TF_SetAttrTypeList(description, 'Tin', types(inputs), inputs.length);
      api.TF_SetAttrTypeList(description, 'Tout', types(like), like.length);
      api.TF_SetAttrFuncName(description, 'f', name, Buffer.byteLength(name));
      api.TF_SetAttrBool(description, '_XlaMustCompile', 1);
    });
    return like.map(({ shape, dtype }, i) => ({
      output: { oper, index: i },
      shape,
      dtype,
      label: `${lines.length - 1}:${i}`,
    }));
  }

  return {
    pointer: graph,
    entries,
    lines,
    constant,
    operation,
    compiledCall,
    placeholder,
    shaped,
    effect,
    effects,
    close: () => api.TF_DeleteGraph(graph),
  };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Whether all 4-byte elements are alike. */
function isSplat(bytes: Uint8Array): boolean {
  return Buffer.compare(bytes.subarray(4), bytes.subarray(0, bytes.length - 4)) === 0;
}
