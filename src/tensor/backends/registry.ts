/** Every backend, best first, with the devices it may have; loaded when asked for, so that listing them costs nothing. */
import { exitCode, UserError } from '../../errors.ts';
import type { Availability, Backend } from '../compile.ts';

export const backends = {
  tensorflow: {
    summary: 'libtensorflow, which `ranger21 setup` installs: CPU, or an NVIDIA GPU',
    devices: ['cpu', 'gpu'],
    load: () => import('./tensorflow/backend.ts'),
  },
  onnx: {
    summary: 'ONNX Runtime, comes with npm: CPU, or any GPU through WebGPU',
    devices: ['cpu', 'webgpu'],
    load: () => import('./onnx/backend.ts'),
  },
  cpu: {
    summary: 'TensorFlow.js in plain JavaScript, eager: the slow oracle',
    devices: ['cpu'],
    load: () => import('./cpu/backend.ts'),
  },
} as const;
export type BackendName = keyof typeof backends;
export const backendNames = Object.keys(backends) as BackendName[];

export const loadBackend = async (name: BackendName): Promise<Backend> => (await backends[name].load()).backend;

/**
 * The backend asked for, or with `auto` the first that is usable here and has the device, and why. Asking for one that is
 * not is an error.
 */
export async function chooseBackend(
  name: BackendName | 'auto',
  device?: string,
): Promise<{ backend: Backend; why: string }> {
  const refused: string[] = [];
  for (const candidate of name === 'auto' ? backendNames : [name]) {
    const backend = await loadBackend(candidate);
    const found: Availability = await backend.probe();
    if (found.usable && name === 'auto' && device && !found.devices.includes(device.split(':')[0]!)) {
      refused.push(`not ${candidate}: it has no device ${device} here`);
      continue;
    }
    if (found.usable) return { backend, why: [`${candidate}: ${found.detail}`, ...refused].join('; ') };
    if (name !== 'auto') {
      throw new UserError(`backend ${candidate} is not usable here: ${found.reason}`, {
        remedy: found.remedy,
        code: exitCode.environment,
      });
    }
    refused.push(`not ${candidate}: ${found.reason}`);
  }
  throw new UserError(`no backend is usable here: ${refused.join('; ')}`, {
    remedy: 'see `ranger21 doctor`',
    code: exitCode.environment,
  });
}
