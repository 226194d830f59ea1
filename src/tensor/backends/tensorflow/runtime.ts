/** libtensorflow, loaded and started: one a process, because TensorFlow's thread pools and devices are. */
import { variable } from '../../../environment.ts';
import { exitCode, UserError } from '../../../errors.ts';
import { loadCApi, TensorflowError, type CApi, type Pointer } from './capi.ts';
import type { SessionOptions } from '../../compile.ts';
import { checkOptions, contextConfig, gpuIndex } from './config.ts';
import { candidatesInOrder, type Candidate } from './locate.ts';

export interface Device {
  /** TensorFlow's own name, /job:localhost/…/device:GPU:0. */
  readonly name: string;
  readonly type: string;
}

export interface Library {
  readonly api: CApi;
  readonly candidate: Candidate;
}

export interface Runtime extends Library {
  readonly context: Pointer;
  readonly devices: readonly Device[];
  /** Where programs run and state lies. */
  readonly device: Device;
  /** The same as the user writes it: cpu, gpu:0. */
  readonly deviceLabel: string;
}

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Tries to load a candidate; a string says why it cannot be. */
function tryLoad(candidate: Candidate): Library | string {
  if (candidate.refused) return candidate.refused;
  // read while the library loads; 2 leaves errors, and what a run has to know arrives as a status anyway
  process.env['TF_CPP_MIN_LOG_LEVEL'] = variable('TF_CPP_MIN_LOG_LEVEL') ?? '2';
  try {
    return { api: loadCApi(candidate.library!, candidate.before), candidate };
  } catch (error) {
    return message(error);
  }
}

/** Candidates that do not serve, and why. */
export interface Refusals {
  readonly refused: readonly { readonly candidate: Candidate; readonly reason: string }[];
}
let library: Promise<Library | Refusals> | undefined;

/** The first library of the search order that loads; what was refused on the way otherwise. */
export const findLibrary = (): Promise<Library | Refusals> =>
  (library ??= (async () => {
    const refused: { candidate: Candidate; reason: string }[] = [];
    for await (const candidate of candidatesInOrder()) {
      const result = tryLoad(candidate);
      if (typeof result !== 'string') return result;
      refused.push({ candidate, reason: result });
    }
    return { refused };
  })());

export const unusable = (reason: string, remedy: string, cause?: unknown) =>
  new UserError(reason, { remedy, code: exitCode.environment, cause });

export const refusalText = ({ refused }: Refusals): string =>
  refused.map(({ candidate: { where }, reason }) => `${where}: ${reason}`).join('; ');

/** Opens the library or says what to do. */
export async function requireLibrary(): Promise<Library> {
  const found = await findLibrary();
  if ('api' in found) return found;
  throw unusable(`no libtensorflow was found (${refusalText(found)})`, 'run `ranger21 setup`');
}

let running: { readonly options: SessionOptions; readonly runtime: Runtime } | undefined;

/** Whether products on a GPU may be rounded to tf32: where they may not, CUDA has to be told so before it starts. */
const usesTf32 = ({ precision }: SessionOptions): boolean => precision === 'tf32';

/** Options that cannot differ between two sessions of a process. */
const processWide = ['threads', 'device', 'determinism'] as const;

/** Starts TensorFlow, or returns what runs already; options that are fixed for the process must agree with it. */
export async function startRuntime(options: SessionOptions): Promise<Runtime> {
  if (running) {
    requireDevice(options, running.runtime);
    const settings = { ...running.options, device: running.runtime.deviceLabel };
    const wanted = { ...options, device: options.device === 'gpu' ? 'gpu:0' : options.device };
    for (const key of processWide) {
      const [asked, has] = [wanted[key], settings[key]];
      if (asked !== undefined && asked !== has) {
        throw unusable(
          `TensorFlow runs in this process with ${key} ${has ?? 'left to TensorFlow'}; it cannot change to ${asked}`,
          `use one value of ${key} in a process`,
        );
      }
    }
    checkOptions(options, running.runtime.device.type);
    if (running.runtime.device.type === 'GPU' && usesTf32(options) !== usesTf32(running.options)) {
      throw unusable(
        `TensorFlow runs in this process with ${usesTf32(running.options) ? 'tf32' : 'float32'} products, which CUDA fixes at their first use`,
        'use one of --precision float32 and tf32 in a process',
      );
    }
    return running.runtime;
  }
  if (options.device !== undefined && !/^(cpu|gpu(:\d+)?)$/.test(options.device)) {
    throw unusable(`backend tensorflow has no device ${options.device}`, 'use cpu, gpu or gpu:N');
  }
  const found = await requireLibrary();
  if (options.determinism === 'strict') process.env['TF_DETERMINISTIC_OPS'] = '1';
  const tf32Override = variable('NVIDIA_TF32_OVERRIDE');
  if (!usesTf32(options)) process.env['NVIDIA_TF32_OVERRIDE'] = tf32Override ?? '0';
  const runtime = { ...found, ...openContext(found.api, options) };
  checkOptions(options, runtime.device.type);
  const overridden = usesTf32(options) ? '0' : '1';
  if (runtime.device.type === 'GPU' && tf32Override === overridden) {
    throw unusable(
      `NVIDIA_TF32_OVERRIDE=${tf32Override} contradicts precision ${options.precision ?? 'float32'}`,
      'unset it, or ask for the other precision',
    );
  }
  running = { options, runtime };
  return runtime;
}

function openContext(api: CApi, options: SessionOptions): Omit<Runtime, keyof Library> {
  const contextOptions = api.TFE_NewContextOptions();
  const config = contextConfig(options);
  api.checked((status) => api.TFE_ContextOptionsSetConfig(contextOptions, config, config.length, status));
  let context: Pointer;
  try {
    context = api.checked((status) => api.TFE_NewContext(contextOptions, status));
  } catch (error) {
    throw unusable(`TensorFlow does not start: ${message(error)}`, 'see `ranger21 doctor`', error);
  } finally {
    api.TFE_DeleteContextOptions(contextOptions);
  }
  const devices = listDevices(api, context);
  const gpu = devices.find(({ type }) => type === 'GPU');
  const cpu = devices.find(({ type }) => type === 'CPU')!;
  requireDevice(options, { api, devices });
  const device = options.device === 'cpu' ? cpu : (gpu ?? cpu);
  const deviceLabel = device.type === 'GPU' ? `gpu:${gpuIndex(options.device) ?? 0}` : device.type.toLowerCase();
  return { context, devices, device, deviceLabel };
}

/** Asking for a GPU where TensorFlow has none is an error, never a run on the CPU. */
function requireDevice({ device }: SessionOptions, { api, devices }: Pick<Runtime, 'api' | 'devices'>): void {
  if (gpuIndex(device) === undefined || devices.some(({ type }) => type === 'GPU')) return;
  throw unusable(
    `device ${device} was asked for, but TensorFlow ${api.version} reports only ${devices.map(({ type }) => type).join(', ')}`,
    'see `ranger21 doctor`; a CUDA build comes with `ranger21 setup --gpu`',
  );
}

function listDevices(api: CApi, context: Pointer): Device[] {
  const list = api.checked((status) => api.TFE_ContextListDevices(context, status));
  const devices = Array.from({ length: api.TF_DeviceListCount(list) }, (_, i) => ({
    name: api.checked((status) => api.TF_DeviceListName(list, i, status)),
    type: api.checked((status) => api.TF_DeviceListType(list, i, status)),
  }));
  api.TF_DeleteDeviceList(list);
  return devices;
}

/** TensorFlow's canonical codes that have a remedy of their own. */
const outOfMemory = 8;

/** A failure of TensorFlow as one the user can act on. `batch` is the program's batch size, where it has one. */
export function asUserError(error: unknown, program: string, batch: number | undefined): unknown {
  if (!(error instanceof TensorflowError)) return error;
  const text = error.message.split('\n')[0]!.replace(/\{\{node ([^}]*)\}\}/g, '$1');
  if (error.status === outOfMemory) {
    return unusable(
      `${program}: out of memory${batch === undefined ? '' : ` with a batch of ${batch}`}: ${text}`,
      'lower train.batch (or eval.batch when evaluating), the image size or the model’s width',
      error,
    );
  }
  return unusable(
    `${program}: TensorFlow says: ${text}`,
    'see `ranger21 doctor`; `--backend onnx` or `--backend cpu` may do',
    error,
  );
}
