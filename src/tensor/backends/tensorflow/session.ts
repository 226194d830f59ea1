/** A session: state on the device, and functions called over it. */
import {
  checkInputs,
  oneAtATime,
  sizeOf,
  stateSpecs,
  type HostTensor,
  type HostTensors,
  type Session,
  type SessionOptions,
  type Spec,
  type Specs,
} from '../../compile.ts';
import { begin, device as onDevice } from '../../../spans.ts';
import { dtypes, type Pointer } from './capi.ts';
import { callConfig } from './config.ts';
import { assignVariable, newVariable, readVariable, received, release, toDevice, toHost } from './handles.ts';
import { compileTail, toFunction } from './function.ts';
import { checkSameGraph, trace, type TracedProgram } from './program.ts';
import { asUserError, type Runtime } from './runtime.ts';

const arrays = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array } as const;
let functions = 0; // names are unique in the process' one context

export function newSession(runtime: Runtime, initial: HostTensors, options: SessionOptions): Session {
  const { api, context, device } = runtime;
  const specs = stateSpecs(initial);
  const state = new Map(Object.entries(initial).map(([name, value]) => [name, newVariable(runtime, value)]));
  const inOrder = oneAtATime();
  const config = callConfig(options);
  const compiled: string[] = [];
  let isOpen = true;
  let isTorn = false; // a step ended in the middle of its writes
  const whyNot = () => (isTorn ? 'an earlier step failed and left the state updated in part' : 'the session is closed');

  const whileOpen = <T>(f: () => Promise<T>): Promise<T> =>
    inOrder(() => (isOpen && !isTorn ? f() : Promise.reject(new Error(whyNot()))));

  function define(name: string, { graph, argValues, resultValues, variables, changes }: TracedProgram): void {
    const computed = [...changes.map(({ value }) => value), ...resultValues];
    const tail = options.xla === 'optimizer' ? compileTail(api, `${name}_xla`, graph, computed) : { results: computed };
    for (const [i, { variable }] of changes.entries()) variables.assign(variable, tail.results[i]!);
    const body = toFunction(api, name, graph, argValues, tail.results.slice(changes.length));
    for (const definition of [tail.function, body]) {
      if (definition === undefined) continue;
      api.checked((status) => api.TFE_ContextAddFunction(context, definition, status));
      api.TF_DeleteFunction(definition);
    }
    compiled.push(name, ...(tail.function === undefined ? [] : [`${name}_xla`]));
  }

  /** Runs a function; what it returns is the caller's to release. */
  async function call(name: string, args: readonly Pointer[], results: number): Promise<readonly Pointer[]> {
    const op = api.checked((status) => api.TFE_NewOp(context, name, status));
    try {
      api.checked((status) => api.TFE_OpSetDevice(op, device.name, status));
      for (const arg of args) api.checked((status) => api.TFE_OpAddInput(op, arg, status));
      if (options.xla === 'step') api.TFE_OpSetAttrBool(op, '_XlaMustCompile', 1);
      if (config.length > 0) api.TFE_OpSetAttrString(op, 'config_proto', config, config.length);
      // on ArrayBuffers of their own: another thread writes to them, so they must not move
      const handles = new BigUint64Array(new ArrayBuffer(results * 8));
      const count = new Int32Array(new ArrayBuffer(4)).fill(results);
      await api.checkedAsync<void>((status, done) => api.TFE_Execute.async(op, handles, count, status, done));
      return received([...handles]);
    } finally {
      api.TFE_DeleteOp(op);
    }
  }

  /** Calls a function on a state and inputs of zeros: XLA compiles at the first call, which is not a step's to wait for. */
  async function warmUp(name: string, { args, results }: TracedProgram, inputs: Specs): Promise<void> {
    const zeros = ({ shape, dtype }: Spec): HostTensor => ({
      shape,
      data: new arrays[dtype](sizeOf(shape)),
    });
    const given = [
      ...args.state.map((key) => newVariable(runtime, zeros(specs[key]!))),
      ...args.inputs.map((key) => toDevice(runtime, zeros(inputs[key]!))),
    ];
    try {
      release(runtime, await call(name, given, results.length));
    } finally {
      release(runtime, given);
    }
  }

  return {
    device: runtime.deviceLabel,

    async compile(name, program, inputs) {
      const batch = Object.values(inputs).find(({ shape }) => shape.length > 0)?.shape[0];
      const reported = async <T>(f: () => T | Promise<T>): Promise<T> => {
        try {
          return await f();
        } catch (error) {
          throw asUserError(error, name, batch);
        }
      };
      const traced = await reported(() => trace(api, name, program, specs, inputs));
      const { args, results, graph } = traced;
      const functionName = `${name.replace(/\W/g, '_')}_${functions++}`;
      await reported(() => {
        try {
          define(functionName, traced);
        } finally {
          graph.close();
        }
      });

      if (options.xla !== undefined && options.xla !== 'off')
        await whileOpen(() => reported(() => warmUp(functionName, traced, inputs)));

      /** What the first recording wrote, until the second call has been compared with it. */
      let lines: readonly string[] | undefined = traced.lines;
      let isFirstCall = true;
      function checkPurity(): void {
        if (isFirstCall) {
          isFirstCall = false;
        } else if (lines) {
          const again = trace(api, name, program, specs, inputs);
          again.graph.close();
          checkSameGraph(name, lines, again.lines);
          lines = undefined;
        }
      }

      return (given) =>
        whileOpen(() =>
          reported(async () => {
            checkInputs(name, given, inputs);
            checkPurity();
            const endTransfer = begin('transfer');
            const inputHandles = args.inputs.map((key) => toDevice(runtime, given[key]!));
            endTransfer();
            let outputHandles: readonly Pointer[];
            try {
              const all = [...args.state.map((key) => state.get(key)!), ...inputHandles];
              const endCompute = begin('compute', onDevice);
              outputHandles = await call(functionName, all, results.length);
              endCompute();
            } catch (error) {
              isTorn = traced.changes.length > 0;
              throw error;
            } finally {
              release(runtime, inputHandles);
            }
            try {
              const endReading = begin('read back', onDevice);
              const outputs: Record<string, HostTensor> = {};
              for (const [i, { name: key, shape, dtype }] of results.entries()) {
                outputs[key] = await toHost(runtime, outputHandles[i]!, shape, dtype);
              }
              endReading();
              return outputs;
            } finally {
              release(runtime, outputHandles);
            }
          }),
        );
    },

    read(names = [...state.keys()]) {
      return whileOpen(async () => {
        const values: Record<string, HostTensor> = {};
        for (const name of names) {
          const { shape, dtype } = specs[name]!;
          values[name] = await readVariable(runtime, state.get(name)!, shape, dtypes[dtype]);
        }
        return values;
      });
    },

    write(values) {
      return whileOpen(() => {
        checkInputs('write', values, Object.fromEntries(Object.keys(values).map((name) => [name, specs[name]!])));
        for (const [name, value] of Object.entries(values)) assignVariable(runtime, state.get(name)!, value);
        return Promise.resolve();
      });
    },

    close() {
      return inOrder(() => {
        if (isOpen) {
          release(runtime, [...state.values()]);
          state.clear();
          for (const name of compiled) api.checked((status) => api.TFE_ContextRemoveFunction(context, name, status));
          isOpen = false;
        }
        return Promise.resolve();
      });
    },
  };
}
