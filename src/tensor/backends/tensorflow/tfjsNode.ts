/**
 * The kernels of tfjs-node, unchanged and without its native addon: they ask a binding to execute named TensorFlow
 * operations, and ours writes them into the graph being recorded.
 */
import { createRequire } from 'node:module';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs';
import { dtypes, type Pointer } from './capi.ts';
import { attributeTypes, type Attribute, type Constant, type Graph, type Value } from './graph.ts';
import type { Variables } from './variables.ts';

/** What tfjs-node's kernels expect of the native addon, as far as programs use it. */
interface Binding {
  isUsingGpuDevice(): boolean;
  createTensor(shape: readonly number[], dtype: number, values: ArrayBufferView): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): never;
  executeOp(op: string, attributes: readonly Attribute[], inputs: readonly number[], outputs: number): OutputInfo[];
}
interface OutputInfo {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** The parts of tfjs-node's backend used here; the last two are private to it. */
export interface NodeBackend extends tf.KernelBackend {
  readonly binding: Binding;
  getInputTensorIds(inputs: readonly tf.TensorInfo[]): number[];
  createOutputTensor(info: OutputInfo): tf.Tensor;
}

const backendName = 'tensorflow'; // tfjs-node's kernels are registered for this name and look the backend up by it

/** What is being recorded. */
export interface Recording {
  readonly graph: Graph;
  readonly variables: Variables;
}
let recording: Recording | undefined;
let nextId = 0;
const values = new Map<number, Value>();
const constants = new Map<number, Constant>();

function valueOf(id: number): Value {
  const known = values.get(id);
  if (known) return known;
  const constant = constants.get(id);
  if (!constant) throw new Error('a tensor of one program was used in another');
  const value = recording!.graph.constant(constant);
  values.set(id, value);
  return value;
}

function expose(value: Value): OutputInfo {
  if (!value.shape) throw new TypeError(`the shape of %${value.label} depends on values; a program's shapes must not`);
  const id = nextId++;
  values.set(id, value);
  return { id, shape: [...value.shape], dtype: value.dtype };
}

const attributeConstants = {
  TF_ATTR_STRING: attributeTypes.string,
  TF_ATTR_INT: attributeTypes.int,
  TF_ATTR_FLOAT: attributeTypes.float,
  TF_ATTR_BOOL: attributeTypes.bool,
  TF_ATTR_TYPE: attributeTypes.type,
  TF_ATTR_SHAPE: attributeTypes.shape,
};
const dtypeConstants = {
  TF_FLOAT: dtypes.float32,
  TF_INT32: dtypes.int32,
  TF_UINT8: dtypes.uint8,
  TF_STRING: dtypes.string,
  TF_COMPLEX64: dtypes.complex64,
  TF_INT64: dtypes.int64,
  TF_BOOL: dtypes.bool,
  TF_RESOURCE: dtypes.resource,
};

const binding: Binding & typeof attributeConstants & typeof dtypeConstants = {
  ...attributeConstants,
  ...dtypeConstants,
  isUsingGpuDevice: () => false,
  createTensor(shape, dtype, given) {
    const id = nextId++;
    const bytes = new Uint8Array(given.buffer, given.byteOffset, given.byteLength).slice();
    constants.set(id, { shape: [...shape], dtype, bytes });
    return id;
  },
  deleteTensor(id) {
    constants.delete(id); // values stay with their graph
  },
  tensorDataSync() {
    throw new Error('a program must not read tensors: it is recorded once and then runs as a whole');
  },
  executeOp(op, attributes, inputs, outputs) {
    if (!recording) throw new Error(`${op}: the tensorflow backend computes only inside a compiled program`);
    return recording.graph.operation(op, attributes, inputs.map(valueOf), outputs).map(expose);
  },
};

let backend: NodeBackend | undefined;

/** Registers the kernels and makes the recording backend, once. */
function nodeBackend(): NodeBackend {
  if (backend) return backend;
  // removed in Node 23, still called by tfjs-node 4.22
  const old = util as unknown as Record<string, (x: unknown) => boolean>;
  old['isNullOrUndefined'] ??= (x) => x === null || x === undefined;
  old['isArray'] ??= Array.isArray;

  const require = createRequire(import.meta.url);
  const { NodeJSKernelBackend } = require('@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend') as {
    NodeJSKernelBackend: new (binding: Binding, packageName: string) => NodeBackend;
  };
  require('@tensorflow/tfjs-node-gpu/dist/register_all_kernels');
  const made = new NodeJSKernelBackend(binding, '@tensorflow/tfjs-node');
  tf.registerBackend(backendName, () => made);
  backend = made;
  return made;
}

/** A tensor standing for a value of the graph. */
const tensorOf = (value: Value): tf.Tensor => nodeBackend().createOutputTensor(expose(value));

/** The value a tensor stands for. */
export const valueOfTensor = (x: tf.TensorInfo): Value => valueOf(nodeBackend().getInputTensorIds([x])[0]!);

/** Adds an operation; tensors in, tensors out. */
export function record(
  op: string,
  attributes: readonly Attribute[],
  inputs: readonly Value[],
  outputs: number,
  order?: { readonly after: readonly Pointer[] },
): Value[] {
  return recording!.graph.operation(op, attributes, inputs, outputs, order);
}
export const recordConstant = (value: Constant): Value => recording!.graph.constant(value);
export const recordedVariables = (): Variables => recording!.variables;
export const infoOf = (value: Value): tf.TensorInfo => tensorOf(value);

/** Runs f with TensorFlow.js' operations recorded; tensors made in f end with it. */
export function recordInto<T>(into: Recording, f: (tensorOf: (value: Value) => tf.Tensor) => T): T {
  nodeBackend();
  const before = tf.engine().backendName;
  void tf.setBackend(backendName); // takes effect at once for a backend that needs no waiting
  if (tf.getBackend() !== backendName) throw new Error('TensorFlow.js did not switch to the recording backend');
  recording = into;
  let result: T;
  try {
    tf.tidy(() => {
      result = f(tensorOf);
    });
    return result!;
  } finally {
    recording = undefined;
    values.clear();
    if (before && before !== backendName) void tf.setBackend(before);
  }
}
