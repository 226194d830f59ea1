/** The oracle: TensorFlow.js' plain JavaScript kernels, run eagerly. Slow, simple, and what the others are checked against. */
import * as tf from '@tensorflow/tfjs';
import {
  oneAtATime,
  checkHonoured,
  checkInputs,
  stateSpecs,
  type Backend,
  type HostTensor,
  type HostTensors,
  type Session,
  type SessionOptions,
} from '../../compile.ts';
import { UserError } from '../../../errors.ts';
import { begin } from '../../../spans.ts';
import type { Tensor, Tensors } from '../../ops.ts';
import './kernels.ts';

tf.env().set('PROD', true); // silences the advice to install tfjs-node

const toHost = async (x: Tensor): Promise<HostTensor> => {
  const data = await x.data();
  return { shape: x.shape, data: data instanceof Int32Array ? data : Float32Array.from(data as Float32Array) };
};
const toDevice = ({ shape, data }: HostTensor): Tensor =>
  data instanceof Int32Array
    ? tf.tensor(data.slice(), [...shape], 'int32')
    : tf.tensor(Float32Array.from(data), [...shape], 'float32');

async function onCpu(): Promise<void> {
  await tf.setBackend('cpu');
}

export const backend: Backend = {
  name: 'cpu',

  probe() {
    return Promise.resolve({
      usable: true,
      detail: `TensorFlow.js ${tf.version.tfjs}, plain JavaScript`,
      devices: ['cpu'],
    });
  },

  async open(initial: HostTensors, options: SessionOptions): Promise<Session> {
    checkHonoured('cpu', { precision: ['float32'], determinism: ['strict', 'fast'], xla: ['off'] }, options);
    if (options.device !== undefined && options.device !== 'cpu') {
      throw new UserError(`backend cpu has no device ${options.device}`, { remedy: 'leave --device out' });
    }
    stateSpecs(initial);
    await onCpu();
    const state: Record<string, Tensor> = Object.fromEntries(
      Object.entries(initial).map(([name, value]) => [name, tf.keep(toDevice(value))]),
    );
    const inOrder = oneAtATime();

    return {
      device: 'cpu',
      compile(name, program, specs) {
        return Promise.resolve((inputs: HostTensors) =>
          inOrder(async () => {
            await onCpu();
            checkInputs(name, inputs, specs);
            const endCompute = begin('compute');
            const result = tf.tidy(() => {
              const { state: next = {}, outputs } = program(
                state,
                Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, toDevice(value)])),
              );
              // clones, because an entry may be handed through unchanged, or under two names
              const kept = (group: Tensors) =>
                Object.fromEntries(Object.entries(group).map(([key, x]) => [key, x.clone()]));
              return { next: kept(next), outputs: kept(outputs) };
            });
            endCompute();
            for (const [key, value] of Object.entries(result.next)) {
              state[key]?.dispose();
              state[key] = tf.keep(value);
            }
            const outputs: Record<string, HostTensor> = {};
            for (const [key, value] of Object.entries(result.outputs)) {
              outputs[key] = await toHost(value);
              value.dispose();
            }
            return outputs;
          }),
        );
      },
      read(names = Object.keys(state)) {
        return inOrder(async () => {
          const values: Record<string, HostTensor> = {};
          for (const name of names) values[name] = await toHost(state[name]!);
          return values;
        });
      },
      write(values) {
        return inOrder(async () => {
          await onCpu();
          for (const [name, value] of Object.entries(values)) {
            state[name]?.dispose();
            state[name] = tf.keep(toDevice(value));
          }
        });
      },
      close() {
        return inOrder(() => {
          tf.dispose(state);
          return Promise.resolve();
        });
      },
    };
  },
};
