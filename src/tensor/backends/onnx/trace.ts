/**
 * Runs a program once on a TensorFlow.js backend that records instead of computing, and hands back the ONNX model of what
 * it did: forward, backward and optimizer in one graph.
 */
import * as tf from '@tensorflow/tfjs';
import type { Program, Spec, Specs } from '../../compile.ts';
import type { Tensor, Tensors } from '../../ops.ts';
import { elementType, newGraph, type Port } from './graph.ts';
import { convolution } from './kernels/convolution.ts';
import { elementwise } from './kernels/elementwise.ts';
import { normalization } from './kernels/normalization.ts';
import { pooling } from './kernels/pooling.ts';
import { reduction } from './kernels/reduction.ts';
import { shaping } from './kernels/shaping.ts';
import type { Kernels } from './kernels/kernel.ts';
import {
  inGraph,
  literal,
  inLayout,
  op,
  physical,
  portOf,
  type DataType,
  type Layout,
  type Value,
  type Writer,
} from './value.ts';

const backendName = 'onnx-trace';
let writer: Writer | undefined;

/** Kernels in an order of its own are OIHW on the device; everything else lies as it is said. */
export const stateLayout = (shape: readonly number[]): Layout => (shape.length === 4 ? 'oihw' : 'plain');

class TraceBackend extends tf.KernelBackend {
  readonly values: tf.DataStorage<Value> = new tf.DataStorage<Value>(this, tf.engine());

  store(value: Value): tf.TensorInfo {
    const dataId = {};
    this.values.set(dataId, value);
    return { dataId, shape: [...value.shape], dtype: value.dtype };
  }
  override write(data: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): tf.DataId {
    const dataId = {};
    this.move(dataId, data, shape, dtype);
    return dataId;
  }
  override move(dataId: tf.DataId, data: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): void {
    this.values.set(dataId, literal(data as Float32Array, shape, dtype as DataType));
  }
  override readSync(): never {
    throw new Error('a program must not read a tensor: it is traced once, before there are values');
  }
  override read(): never {
    return this.readSync();
  }
  override disposeData(dataId: tf.DataId): boolean {
    this.values.delete(dataId);
    return true;
  }
  override numDataIds = () => this.values.numDataIds();
  override refCount = () => 1;
  override incRef(): void {}
  override floatPrecision = () => 32 as const;
  override epsilon = () => 1e-7;
  override memory = () => ({ unreliable: true });
  override timerAvailable = () => false;
}

const backend = new TraceBackend();
tf.registerBackend(backendName, () => backend, 0);

const kernels: Kernels = { ...elementwise, ...reduction, ...shaping, ...convolution, ...pooling, ...normalization };

for (const [kernelName, kernel] of Object.entries(kernels)) {
  tf.registerKernel({
    kernelName,
    backendName,
    kernelFunc: ({ inputs, attrs }) => {
      const values: Record<string, Value> = {};
      for (const [key, info] of Object.entries(inputs))
        values[key] = backend.values.get((info as tf.TensorInfo).dataId);
      const result = kernel(values, attrs ?? {}, writer!);
      return 'source' in result ? backend.store(result) : result.map((value) => backend.store(value));
    },
  });
}

/** Where an entry of the next state is found after a run: in an output of the graph, or in an entry of the old state. */
export type NextState = { readonly output: string } | { readonly entry: string };

export interface Traced {
  readonly model: Uint8Array;
  /** Graph inputs the model kept, as state entries and arguments. */
  readonly state: readonly string[];
  readonly inputs: readonly string[];
  readonly next: Readonly<Record<string, NextState>>;
  /** What is read back: the graph output, its shape and type. */
  readonly outputs: Readonly<Record<string, { readonly output: string } & Spec>>;
}

/** Records one program. TensorFlow.js' current backend is the same before and after. */
export function trace(program: Program, state: Specs, inputs: Specs, device: Writer['device']): Traced {
  const graph = newGraph();
  writer = { graph, device };
  const before = (tf.engine() as unknown as { backendName?: string }).backendName ?? 'cpu';
  void tf.setBackend(backendName); // takes effect at once: the factory is not asynchronous
  tf.engine().startScope();
  try {
    return record(program, state, inputs, writer);
  } finally {
    tf.engine().endScope();
    writer = undefined;
    void tf.setBackend(before);
  }
}

function record(program: Program, state: Specs, inputs: Specs, w: Writer): Traced {
  const entryOf = new Map<string, string>();
  const enter = (name: string, { shape, dtype }: Spec, layout: Layout): Tensor => {
    w.graph.input({ name, type: dtype, shape: physical(shape, layout) });
    if (dtype !== 'uint8') return toTensor(inGraph(name, shape, dtype, layout));
    return toTensor(inGraph(op(w, 'Cast', [name], { to: elementType.float32 }), shape, 'float32', layout));
  };
  const stateTensors = mapSpecs(state, (name, spec) => {
    entryOf.set(`state/${name}`, name);
    return enter(`state/${name}`, spec, stateLayout(spec.shape));
  });
  const inputTensors = mapSpecs(inputs, (name, spec) => enter(`input/${name}`, spec, 'plain'));

  const result = program(stateTensors, inputTensors);

  const statePorts = new Map<string, Port>();
  const hostPorts = new Map<string, Port>();
  /** A graph output holding v; a copy where the tensor is an input, a constant, or state that will be written over. */
  const output = (v: Value, layout: Layout, ports: Map<string, Port>): string => {
    const name = inLayout(w, v, layout);
    const given = v.source.kind === 'constant' || /^(state|input)\//.test(name);
    let own = given ? op(w, 'Identity', [name]) : name;
    if (ports === hostPorts && statePorts.has(own)) own = op(w, 'Identity', [own]);
    ports.set(own, portOf(own, v, layout));
    return own;
  };

  const next: Record<string, NextState> = {};
  for (const [name, x] of Object.entries(result.state ?? {})) {
    const spec = state[name];
    const v = backend.values.get(x.dataId);
    if (!spec) throw new Error(`returns state ${name}, which the session does not have`);
    if (spec.shape.join() !== x.shape.join() || spec.dtype !== x.dtype) {
      throw new Error(
        `returns state ${name} as ${x.dtype} [${x.shape.join(', ')}], it is ${spec.dtype} [${spec.shape.join(', ')}]`,
      );
    }
    const entry = v.source.kind === 'graph' ? entryOf.get(v.source.name) : undefined;
    if (entry === name) continue;
    next[name] = entry === undefined ? { output: output(v, stateLayout(x.shape), statePorts) } : { entry };
  }
  const outputs = Object.fromEntries(
    Object.entries(result.outputs).map(([name, x]) => {
      const float = x.dtype === 'bool' ? tf.cast(x, 'float32') : x;
      const v = backend.values.get(float.dataId);
      return [name, { output: output(v, 'plain', hostPorts), shape: [...x.shape], dtype: v.dtype as Spec['dtype'] }];
    }),
  );
  const { model, inputs: used } = w.graph.write([...statePorts.values(), ...hostPorts.values()]);
  const usedUnder = (prefix: string) =>
    used.flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []));
  return { model, state: usedUnder('state/'), inputs: usedUnder('input/'), next, outputs };
}

const toTensor = (v: Value): Tensor => tf.engine().makeTensorFromTensorInfo(backend.store(v));

const mapSpecs = (specs: Specs, f: (name: string, spec: Spec) => Tensor): Tensors =>
  Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, f(name, spec)]));
