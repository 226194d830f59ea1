/**
 * The thread that owns ONNX Runtime and all state. Plain JavaScript, because Node loads a worker's file itself, from src/
 * under the test runner as well as from dist/.
 *
 * State entries point at tensors; a run writes into spare tensors of the same size and the entries then point there, so
 * nothing is copied. Two entries may point at one tensor.
 */
import { parentPort, workerData } from 'node:worker_threads';
import * as ort from 'onnxruntime-node';

/**
 * @typedef {import('./messages.ts').Compile} Compile
 * @typedef {import('./messages.ts').Packed} Packed
 * @typedef {import('../../compile.ts').Spec} Spec
 * @typedef {import('./messages.ts').Request} Request
 * @typedef {import('./messages.ts').WorkerData} WorkerData
 * @typedef {{ session: ort.InferenceSession | undefined, spec: Compile }} Loaded no session where there is nothing to compute
 */

const settings = /** @type {unknown} */ (workerData);
const { threads, device, copy } = /** @type {WorkerData} */ (settings);
const onGpu = device === 'webgpu';
const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort);

/** @type {Map<string, ort.Tensor>} */
const state = new Map();
/** Tensors no entry points at, by type and shape. @type {Map<string, ort.Tensor[]>} */
const spare = new Map();
/** @type {Loaded[]} */
const programs = [];

/** @param {{ dtype: string, shape: readonly number[] }} spec */
const kindOf = ({ dtype, shape }) => `${dtype} ${shape.join()}`;

/** @param {ort.Tensor} tensor */
const kindOfTensor = (tensor) => kindOf({ dtype: tensor.type, shape: tensor.dims });

const arrays = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };

/**
 * @param {ArrayBuffer} buffer
 * @param {number} offset in bytes
 * @param {Spec} spec
 */
function tensorOver(buffer, offset, { dtype, shape }) {
  const size = shape.reduce((a, b) => a * b, 1);
  return new ort.Tensor(dtype, new arrays[dtype](buffer, offset, size), shape);
}

/** @param {Spec} spec */
const newTensor = (spec) => tensorOver(new ArrayBuffer(4 * spec.shape.reduce((a, b) => a * b, 1)), 0, spec);

/** @param {Spec} spec */
const takeSpare = (spec) => spare.get(kindOf(spec))?.pop() ?? newTensor(spec);

/** Makes the tensors of `before` that no entry points at any more available. @param {Iterable<ort.Tensor>} before */
function releaseUnused(before) {
  const used = new Set(state.values());
  for (const tensor of new Set(before)) {
    if (used.has(tensor)) continue;
    if (tensor.location !== 'cpu') {
      tensor.dispose();
      continue;
    }
    const kind = kindOfTensor(tensor);
    spare.set(kind, [...(spare.get(kind) ?? []), tensor]);
  }
}

/** @param {Float32Array | Int32Array} data @param {ArrayBuffer} buffer @param {number} offset in bytes */
const copyBytes = (data, buffer, offset) =>
  new Uint8Array(buffer, offset).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));

/** @param {ort.InferenceSession.ReturnType} made @param {string} name */
const result = (made, name) => /** @type {ort.Tensor} */ (made[name]);

/** @param {string} name */
function entry(name) {
  const tensor = state.get(name);
  if (!tensor) throw new Error(`no state entry ${name}`);
  return tensor;
}

/** @param {Uint8Array} model @param {Record<string, 'cpu' | 'gpu-buffer'>} outputs where each output is wanted */
const createSession = (model, outputs) =>
  ort.InferenceSession.create(model, {
    executionProviders: onGpu ? ['webgpu', 'cpu'] : ['cpu'],
    ...(onGpu ? { preferredOutputLocation: outputs } : {}),
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    // subnormal numbers (second moments start near zero) take a slow path in the processor
    extra: { session: { set_denormal_as_zero: '1' } },
  });

/** Sessions that bring a tensor to the host; asking a GPU tensor for its data ends the process. @type {Map<string, ort.InferenceSession>} */
const copiers = new Map();

/** @param {ort.Tensor} tensor @returns {Promise<Float32Array | Int32Array>} */
async function dataOf(tensor) {
  if (tensor.location === 'cpu') return /** @type {Float32Array} */ (tensor.data);
  const type = tensor.type === 'int32' ? 'int32' : 'float32';
  const session = copiers.get(type) ?? (await createSession(copy[type], {}));
  copiers.set(type, session);
  const [output = ''] = session.outputNames;
  return /** @type {Float32Array} */ ((await session.run({ x: tensor }))[output]?.data);
}

/** @type {Record<string, (request: any) => Promise<{ reply?: unknown, transfer?: ArrayBuffer[] }>>} */
const handlers = {
  /** Fails where the device cannot be opened. */
  async start() {
    if (onGpu) copiers.set('float32', await createSession(copy.float32, {}));
    return {};
  },

  /** @param {Packed} request */
  write({ buffer, fields }) {
    for (const { name, offset, ...spec } of fields) {
      const old = state.get(name);
      state.set(name, tensorOver(buffer.slice(offset, offset + 4 * spec.shape.reduce((a, b) => a * b, 1)), 0, spec));
      if (old) releaseUnused([old]);
    }
    return Promise.resolve({});
  },

  /** @param {{ names: string[] }} request */
  async read({ names }) {
    const tensors = names.map(entry);
    const buffer = new ArrayBuffer(tensors.reduce((bytes, { size }) => bytes + 4 * size, 0));
    let offset = 0;
    for (const tensor of tensors) {
      const data = await dataOf(tensor);
      copyBytes(data, buffer, offset);
      offset += data.byteLength;
    }
    return { reply: buffer, transfer: [buffer] };
  },

  /** @param {Compile} spec */
  async compile(spec) {
    if (spec.writes.length + spec.outputs.length === 0)
      return { reply: programs.push({ session: undefined, spec }) - 1 };
    const onDevice = spec.writes.map(({ output }) => /** @type {const} */ ([output, 'gpu-buffer']));
    const toHost = spec.outputs.map(({ name }) => /** @type {const} */ ([name, 'cpu']));
    const session = await createSession(spec.model, Object.fromEntries([...onDevice, ...toHost]));
    return { reply: programs.push({ session, spec }) - 1 };
  },

  /** @param {{ program: number, buffer: ArrayBuffer }} request */
  async run({ program, buffer }) {
    const { session, spec } = /** @type {Loaded} */ (programs[program]);
    /** @type {Record<string, ort.Tensor>} */
    const feeds = {};
    for (const name of spec.state) feeds[`state/${name}`] = entry(name);
    for (const { name, offset, ...kind } of spec.inputs) feeds[`input/${name}`] = tensorOver(buffer, offset, kind);

    const results = new ArrayBuffer(spec.outputBytes);
    /** What a run writes into: on a GPU it makes its own tensors. @type {Record<string, ort.Tensor | null>} */
    const fetches = {};
    for (const { name, offset, ...kind } of spec.outputs)
      fetches[name] = onGpu ? null : tensorOver(results, offset, kind);
    for (const { output, ...kind } of spec.writes) fetches[output] = onGpu ? null : takeSpare(kind);
    const made = (await session?.run(feeds, fetches)) ?? {};
    if (onGpu)
      for (const { name, offset } of spec.outputs) copyBytes(await dataOf(result(made, name)), results, offset);

    const next = spec.next.map(({ name, from }) => ({
      name,
      tensor: 'output' in from ? result(made, from.output) : entry(from.entry),
    }));
    const before = next.map(({ name }) => entry(name));
    for (const { name, tensor } of next) state.set(name, tensor);
    releaseUnused(before);
    return { reply: results, transfer: [results] };
  },

  async close() {
    for (const session of [...programs.map(({ session }) => session), ...copiers.values()]) await session?.release();
    return {};
  },
};

/** Requests are answered one at a time, in the order they come. */
let last = Promise.resolve();
port.on('message', (/** @type {Request} */ { id, kind, request }) => {
  const handler = /** @type {(request: unknown) => Promise<{ reply?: unknown, transfer?: ArrayBuffer[] }>} */ (
    handlers[kind]
  );
  last = last
    .then(() => handler(request))
    .then(
      ({ reply, transfer }) => port.postMessage({ id, reply }, transfer ?? []),
      (/** @type {Error} */ error) => port.postMessage({ id, error: error.message }),
    );
});
