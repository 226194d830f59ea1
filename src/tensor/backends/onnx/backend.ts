/** ONNX Runtime: programs traced into ONNX models, run natively from the binaries that come with the npm package. */
import { availableParallelism } from 'node:os';
import { exitCode, UserError } from '../../../errors.ts';
import {
  checkHonoured,
  type Availability,
  type Backend,
  type HostTensors,
  type Session,
  type SessionOptions,
} from '../../compile.ts';

const devices = ['cpu', 'webgpu'] as const;
type Device = (typeof devices)[number];

const remedy =
  'reinstall with `ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node` (its binaries come inside the package: ' +
  'Linux x64 and arm64 with glibc ≥ 2.28, Windows x64 and arm64, macOS arm64), or use --backend cpu';

export const backend: Backend = {
  name: 'onnx',

  async probe(): Promise<Availability> {
    try {
      const { listSupportedBackends, env } = await import('onnxruntime-node');
      const offered = listSupportedBackends().map(({ name }) => name);
      return {
        usable: true,
        detail: `ONNX Runtime ${env.versions.node ?? env.versions.common}`,
        devices: devices.filter((device) => offered.includes(device)),
      };
    } catch (error) {
      const reason = `onnxruntime-node does not load on ${process.platform} ${process.arch}: ${(error as Error).message}`;
      return { usable: false, reason, remedy };
    }
  },

  async open(state: HostTensors, options: SessionOptions): Promise<Session> {
    const { threads, device = 'cpu' } = options;
    const determinism = device === 'cpu' ? (['strict', 'fast'] as const) : (['fast'] as const);
    checkHonoured('onnx', { precision: ['float32'], determinism, xla: ['off'] }, options);
    const found = await backend.probe();
    if (!found.usable) throw new UserError(found.reason, { remedy: found.remedy, code: exitCode.environment });
    if (!found.devices.includes(device)) {
      throw new UserError(`backend onnx has no device ${device} here`, {
        remedy: `use one of: ${found.devices.join(', ')}`,
      });
    }
    const { openSession } = await import('./session.ts'); // TensorFlow.js loads only now
    return openSession(state, { threads: threads ?? availableParallelism(), device: device as Device });
  },
};
