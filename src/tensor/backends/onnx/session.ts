/** A session: programs traced here, run by a worker thread that holds the state, so that this thread stays free meanwhile. */
import { Worker } from 'node:worker_threads';
import { exitCode, UserError } from '../../../errors.ts';
import { checkInputs, specOf, stateSpecs, type HostTensors, type Session, type Spec } from '../../compile.ts';
import { begin, device as onDevice } from '../../../spans.ts';
import { copyModel } from './graph.ts';
import type { Compile, Reply, WorkerData } from './messages.ts';
import { fromLayout, layOut, pack, toLayout, viewOf } from './packing.ts';
import { stateLayout, trace } from './trace.ts';
import { physical } from './value.ts';

export async function openSession(initial: HostTensors, options: Omit<WorkerData, 'copy'>): Promise<Session> {
  const specs = stateSpecs(initial);
  const { ask, stop } = startWorker({ ...options, copy: { float32: copyModel('float32'), int32: copyModel('int32') } });

  const write = async (values: HostTensors): Promise<void> => {
    checkInputs('write', values, Object.fromEntries(Object.keys(values).map((name) => [name, entrySpec(name)])));
    const laid = Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, toLayout(value, stateLayout(value.shape))]),
    );
    const { fields, bytes } = layOut(Object.entries(laid).map(([name, value]) => [name, specOf(value)]));
    const buffer = pack(fields, bytes, laid);
    await ask('write', { buffer, fields }, [buffer]);
  };
  const entrySpec = (name: string): Spec => {
    const spec = specs[name];
    if (!spec) throw new Error(`the session has no state entry ${name}`);
    return spec;
  };
  try {
    await ask('start', undefined, []);
  } catch (cause) {
    await stop();
    throw new UserError(`the device ${options.device} does not open: ${(cause as Error).message}`, {
      remedy:
        'WebGPU needs a GPU driver that speaks Vulkan (Linux: libvulkan1 and the vendor’s driver), Direct3D 12 or Metal; ' +
        'or use --device cpu',
      code: exitCode.environment,
      cause,
    });
  }
  await write(initial);

  return {
    device: options.device,
    async compile(name, program, inputs) {
      const traced = within(name, () => trace(program, specs, inputs, options.device));
      const { fields, bytes } = layOut(traced.inputs.map((input) => [input, inputs[input]!]));
      const results = layOut(Object.values(traced.outputs).map(({ output, ...spec }) => [output, spec]));
      const next = Object.entries(traced.next).map(([entry, from]) => ({ name: entry, from }));
      const writes = new Map<string, Compile['writes'][number]>();
      for (const { name: entry, from } of next) {
        if (!('output' in from)) continue;
        const { shape, dtype } = entrySpec(entry);
        writes.set(from.output, { output: from.output, dtype, shape: physical(shape, stateLayout(shape)) });
      }
      const { model, state } = traced;
      const request: Compile = {
        model,
        state,
        inputs: fields,
        writes: [...writes.values()],
        next,
        outputs: results.fields,
        outputBytes: results.bytes,
      };
      const id = await ask('compile', request, []).catch((error: unknown) => fail(name, error));

      return async (values) => {
        checkInputs(name, values, inputs);
        const endTransfer = begin('transfer');
        const buffer = pack(fields, bytes, values);
        endTransfer();
        const endCompute = begin('compute', onDevice);
        const reply = await ask('run', { program: id, buffer }, [buffer]).catch((error: unknown) => fail(name, error));
        endCompute();
        return Object.fromEntries(
          Object.entries(traced.outputs).map(([key, { output, ...spec }]) => {
            const { offset } = results.fields.find((field) => field.name === output)!;
            return [key, { shape: spec.shape, data: viewOf(reply as ArrayBuffer, offset, spec) }];
          }),
        );
      };
    },

    async read(names = Object.keys(specs)) {
      const wanted = names.map((name) => [name, entrySpec(name)] as const);
      const buffer = (await ask('read', { names }, [])) as ArrayBuffer;
      let offset = 0;
      return Object.fromEntries(
        wanted.map(([name, spec]) => {
          const data = viewOf(buffer, offset, spec);
          offset += data.byteLength;
          return [name, fromLayout(data.slice(), spec.shape, stateLayout(spec.shape))];
        }),
      );
    },

    write,

    async close() {
      await ask('close', undefined, []);
      await stop();
    },
  };
}

function within<T>(program: string, f: () => T): T {
  try {
    return f();
  } catch (error) {
    return fail(program, error);
  }
}

function fail(program: string, cause: unknown): never {
  throw new Error(`${program}: ${(cause as Error).message}`, { cause });
}

interface Waiting {
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Starts the worker; it keeps the process alive only while an answer is due. */
function startWorker(workerData: WorkerData) {
  // without this thread's flags: some, such as --input-type, are refused for a file
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData, execArgv: [] });
  const due = new Map<number, Waiting>();
  let asked = 0;
  let ended: Error | undefined;

  const settle = (id: number, f: (waiting: Waiting) => void) => {
    const waiting = due.get(id);
    due.delete(id);
    if (due.size === 0) worker.unref();
    if (waiting) f(waiting);
  };
  const end = (error: Error) => {
    ended ??= error;
    for (const id of [...due.keys()]) settle(id, ({ reject }) => reject(error));
  };
  worker.on('message', ({ id, reply, error }: Reply) =>
    settle(id, ({ resolve, reject }) => (error === undefined ? resolve(reply) : reject(new Error(error)))),
  );
  worker.on('error', (cause) => end(new Error(`the onnx worker failed: ${cause.message}`, { cause })));
  worker.on('exit', () => end(new Error('the session is closed')));
  worker.unref();

  return {
    ask: (kind: string, request: unknown, transfer: ArrayBuffer[]): Promise<unknown> => {
      if (ended) return Promise.reject(ended);
      return new Promise((resolve, reject) => {
        const id = asked++;
        due.set(id, { resolve, reject });
        worker.ref();
        worker.postMessage({ id, kind, request }, transfer);
      });
    },
    stop: async () => {
      end(new Error('the session is closed'));
      await worker.terminate();
    },
  };
}
