/**
 * TensorFlow's own library, with the kernels of tfjs-node: a program becomes one TensorFlow function and a call of it one
 * native call. State stays on the device as tensor handles that go in and come out; only outputs are read.
 */
import { existsSync, readdirSync } from 'node:fs';
import type { Backend, HostTensors, Session, SessionOptions } from '../../compile.ts';
import { findLibrary, startRuntime } from './runtime.ts';
import { newSession } from './session.ts';

const nvidiaDevices = '/proc/driver/nvidia/gpus';
const hasNvidiaDevice = (): boolean => existsSync(nvidiaDevices) && readdirSync(nvidiaDevices).length > 0;

const setUp = 'run `ranger21 setup`; `ranger21 doctor` lists where it was looked for';
const setUpAgain = 'see `ranger21 doctor` for the reason; `ranger21 setup` installs one that fits';

export const backend = {
  name: 'tensorflow',

  // loads the library but does not start it: what a run asks for can still be set. Whether TensorFlow can use a GPU that
  // is there shows when it starts.
  async probe() {
    const found = await findLibrary();
    if (!('api' in found)) {
      const failed = found.refused.find(({ candidate }) => candidate.library);
      return failed
        ? { usable: false, reason: `libtensorflow (${failed.candidate.source}) does not load`, remedy: setUpAgain }
        : { usable: false, reason: 'libtensorflow was not found', remedy: setUp };
    }
    const { api, candidate } = found;
    return {
      usable: true,
      detail: `TensorFlow ${api.version} (${candidate.source})`, // without its folder: results are made to be shared
      devices: ['cpu', ...(hasNvidiaDevice() ? ['gpu'] : [])],
    };
  },

  async open(state: HostTensors, options: SessionOptions): Promise<Session> {
    return newSession(await startRuntime(options), state, options);
  },
} satisfies Backend;
