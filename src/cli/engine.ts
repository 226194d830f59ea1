/** The options that choose what executes a run, shared by `run` and `ablate`. */
import { InvalidArgumentError, Option, type Command, type OptionValues } from '@commander-js/extra-typings';
import { didYouMean, oneOf } from '../didYouMean.ts';
import { UserError } from '../errors.ts';
import type { Engine } from '../experiment/execute.ts';
import { backendNames, backends } from '../tensor/backends/registry.ts';
import type { Determinism, Precision, Xla } from '../tensor/compile.ts';

/** A type, not an interface: commander's option values are an index signature. */
export type EngineOptions = {
  readonly backend: string;
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
  readonly precision?: Precision | undefined;
  readonly determinism?: Determinism | undefined;
  readonly xla?: Xla | undefined;
};

export const backendOption = () =>
  new Option('--backend <name>', 'what executes a step: auto takes the best that works')
    .choices(['auto', ...backendNames] as const)
    .default('auto' as const)
    .env('RANGER21_BACKEND');
export const deviceOption = () =>
  new Option('--device <name>', 'cpu; gpu or gpu:N (tensorflow backend, NVIDIA); webgpu (onnx backend)').argParser(
    deviceName,
  );

function deviceName(text: string): string {
  if (/^(cpu|gpu(:\d+)?|webgpu)$/.test(text)) return text;
  const meant = meantDevice(text.toLowerCase());
  throw new InvalidArgumentError(`${meant ? `Did you mean ${meant}? ` : ''}Devices are cpu, gpu, gpu:N and webgpu.`);
}

/** What other programs call a device, or its owner. */
const otherNames = {
  gpu: ['cuda', 'nvidia'],
  webgpu: ['wgpu', 'mps', 'metal', 'vulkan', 'directml', 'dml', 'rocm', 'hip', 'amd', 'xpu'],
} as const;

function meantDevice(text: string): string | undefined {
  const [, word = text, index] = /^([a-z]+)[:_-]?(\d*)$/.exec(text) ?? [];
  const [name = didYouMean(word, ['cpu', 'gpu', 'webgpu'])] =
    Object.entries(otherNames).find(([, others]) => (others as readonly string[]).includes(word)) ?? [];
  return name === 'gpu' && index ? `gpu:${index}` : name;
}

/** Refuses a device that the backend named beside it has on no machine. */
function checkDevice({ backend, device }: EngineOptions): void {
  const word = device?.split(':')[0];
  const name = backendNames.find((known) => known === backend);
  if (word === undefined || name === undefined) return;
  const devicesOf = (of: typeof name): readonly string[] => backends[of].devices;
  if (devicesOf(name).includes(word)) return;
  throw new UserError(`backend ${name} has no device ${device}`, {
    remedy: `use --device ${devicesOf(name).join(' or ')}, or --backend ${backendNames.find((other) => devicesOf(other).includes(word))}`,
  });
}

/** Far more than any machine of today has; a library asked for millions ends the process instead of saying no. */
const mostThreads = 1024;
export const threadsOption = () =>
  new Option('--threads <n>', 'threads inside one operation').argParser((text) => {
    const n = whole(text);
    if (n >= 1 && n <= mostThreads) return n;
    throw new InvalidArgumentError(`expected a whole number from 1 to ${mostThreads}`);
  });

export const precisionOption = () =>
  new Option(
    '--precision <name>',
    'of convolutions and products: tf32 on a GPU, bf16 on a CPU that has it (tensorflow)',
  ).choices(['float32', 'tf32', 'bf16'] as const);
const determinismOption = () =>
  new Option('--determinism <name>', 'strict: the same bits every time on the same machine (slower on a GPU)').choices([
    'strict',
    'fast',
  ] as const);
export const xlaOption = () =>
  new Option('--xla <part>', 'what XLA compiles (tensorflow backend)').choices(['off', 'optimizer', 'step'] as const);

export const resumeOption = () =>
  new Option('--no-resume', 'start unfinished runs again from step 1, instead of from their last checkpoint');
export const acceptDriftOption = () =>
  new Option(
    '--accept-drift',
    'go on from a checkpoint though config, code, data or engine changed; the result says so',
  );

/** Adds all that choose what executes a step. Their types are `EngineOptions`: inferred, they are too long to declare. */
export function withEngine<Arguments extends unknown[], Options extends OptionValues>(
  command: Command<Arguments, Options>,
): Command<Arguments, Options & EngineOptions> {
  command
    .addOption(backendOption())
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addOption(precisionOption())
    .addOption(determinismOption())
    .addOption(xlaOption())
    .hook('preAction', (_, action) => checkDevice(action.opts() as EngineOptions));
  return command as unknown as Command<Arguments, Options & EngineOptions>;
}

/** The options as a command line of another process. */
export const engineArguments = (options: EngineOptions): string[] =>
  (['backend', 'device', 'threads', 'precision', 'determinism', 'xla'] as const).flatMap((name) =>
    options[name] === undefined ? [] : [`--${name}`, String(options[name])],
  );

export async function openEngine({ backend: asked, ...session }: EngineOptions): Promise<Engine> {
  const { chooseBackend } = await import('../tensor/backends/registry.ts');
  const { device, threads, precision, determinism, xla } = session;
  const { backend, why } = await chooseBackend(oneOf('backend', asked, ['auto', ...backendNames]), device);
  const given = Object.entries({ device, threads, precision, determinism, xla }).filter(([, x]) => x !== undefined);
  return {
    backend,
    record: { name: backend.name, detail: why, ...Object.fromEntries(given) },
    session: { device, threads, precision, determinism, xla },
    ...(asked !== 'auto' && { asked }),
  };
}

/** A whole number from 1. */
export function count(text: string): number {
  const n = whole(text);
  if (!(n >= 1)) throw new InvalidArgumentError('expected a whole number from 1');
  return n;
}

/** A whole number from 0: a seed. */
export function seed(text: string): number {
  const n = whole(text);
  if (!(n >= 0)) throw new InvalidArgumentError('expected a whole number from 0');
  return n;
}

/** Decimal digits only, and NaN otherwise: Number('') is 0, and nobody asked for seed 0. */
function whole(text: string): number {
  const n = /^\d+$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(n) ? n : NaN;
}
