/**
 * What a backend must offer: sessions that hold state on the device and run pure functions over it.
 *
 * A program is a pure function of tensors. A compiling backend runs it once, on tensors that record instead of compute,
 * and executes the recorded graph from then on; the eager one simply runs it. So a program must not read tensors, and
 * must not depend on anything that changes between two calls other than its arguments.
 */
import { exitCode, UserError } from '../errors.ts';
import type { Tensors } from './ops.ts';

/**
 * A value in host memory; Float32Array is float32, Int32Array int32, Uint8Array uint8. Bytes are for inputs alone: they go to
 * the device as they are, and are widened there, so a program sees them as float32.
 */
export interface HostTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}
export type HostTensors = Readonly<Record<string, HostTensor>>;

/** Shape and type of an argument that changes from call to call. */
export interface Spec {
  readonly shape: readonly number[];
  readonly dtype: Dtype;
}
export type Dtype = 'float32' | 'int32' | 'uint8';
export type Specs = Readonly<Record<string, Spec>>;

/**
 * (state, inputs) → { state, outputs }. `state` is the whole session state; the state returned may be a part of it, and
 * what it leaves out stays as it is. Outputs are read back to the host.
 */
export type Program = (state: Tensors, inputs: Tensors) => { readonly state?: Tensors; readonly outputs: Tensors };

/** One compiled program: inputs from the host, outputs to the host, state updated in place of the old. */
export type Executable = (inputs: HostTensors) => Promise<HostTensors>;

/**
 * State on a device and the programs compiled over it. Calls run one at a time, in the order made. After one that failed on
 * the device the state may be updated in part: it is neither read nor stepped on then, but a checkpoint is.
 */
export interface Session {
  /** What the programs run on, as the backend got it: cpu, gpu:0, webgpu. */
  readonly device: string;
  /** Compiles a program; `name` appears in messages and profiles. */
  compile(name: string, program: Program, inputs: Specs): Promise<Executable>;
  /** Copies state to the host, all of it or the named entries. */
  read(names?: readonly string[]): Promise<HostTensors>;
  /** Replaces state entries; shapes must match. */
  write(values: HostTensors): Promise<void>;
  close(): Promise<void>;
}

export interface SessionOptions {
  /** Threads inside one operation; absent: the backend's choice. */
  readonly threads?: number | undefined;
  readonly device?: string | undefined;
  readonly precision?: Precision | undefined;
  readonly determinism?: Determinism | undefined;
  readonly xla?: Xla | undefined;
}

/** float32: as written; tf32: 10-bit mantissa in matrix products (GPU); bf16: bfloat16 convolutions and products, float32 sums and state. */
export const precisions = ['float32', 'tf32', 'bf16'] as const;
export type Precision = (typeof precisions)[number];
/** strict: the same bits on every run on the same machine; fast: sums may have no fixed order. */
export const determinisms = ['strict', 'fast'] as const;
export type Determinism = (typeof determinisms)[number];
/** Which part of a program XLA compiles: nothing; what follows the last convolution or product (the optimizer); all of it. */
export const xlas = ['off', 'optimizer', 'step'] as const;
export type Xla = (typeof xlas)[number];

/** The options a backend may not honour, with the values it does; a session asking for another is refused. */
export interface Honoured {
  readonly precision: readonly Precision[];
  readonly determinism: readonly Determinism[];
  readonly xla: readonly Xla[];
}
export function checkHonoured(backend: string, honoured: Honoured, options: SessionOptions): void {
  for (const key of ['precision', 'determinism', 'xla'] as const) {
    const asked = options[key];
    const values: readonly string[] = honoured[key];
    if (asked === undefined || values.includes(asked)) continue;
    throw new UserError(`backend ${backend} has no ${key} ${asked}`, {
      remedy: `use --${key} ${values.join(' or ')}, or --backend tensorflow`,
      code: exitCode.usage,
    });
  }
}

export type Availability =
  | { readonly usable: true; readonly detail: string; readonly devices: readonly string[] }
  | { readonly usable: false; readonly reason: string; readonly remedy: string };

export interface Backend {
  readonly name: string;
  /** Whether it can run here, and why not. Never throws. */
  probe(): Promise<Availability>;
  /** Opens a session; the state's names and shapes are fixed from here on. */
  open(state: HostTensors, options: SessionOptions): Promise<Session>;
}

/** What keeps a session's calls in order: calls `f` after every call before it has ended. */
export function oneAtATime() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(f: () => Promise<T>): Promise<T> => {
    const next = last.then(f);
    last = next.catch(() => undefined);
    return next;
  };
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((size, n) => size * n, 1);

export const hostScalar = (value: number): HostTensor => ({ shape: [], data: Float32Array.of(value) });
export const scalarSpec: Spec = { shape: [], dtype: 'float32' };
export const dtypeOf = (data: HostTensor['data']): Dtype =>
  data instanceof Int32Array ? 'int32' : data instanceof Uint8Array ? 'uint8' : 'float32';
export const specOf = ({ shape, data }: HostTensor): Spec => ({ shape, dtype: dtypeOf(data) });

/** What the entries of a session's state are. */
export function stateSpecs(state: HostTensors): Specs {
  const bytes = Object.keys(state).find((name) => state[name]!.data instanceof Uint8Array);
  if (bytes !== undefined) throw new TypeError(`state ${bytes} is uint8, which only an input may be`);
  return Object.fromEntries(Object.entries(state).map(([name, value]) => [name, specOf(value)]));
}

/** The entries of `all` whose names start with `prefix/`, without it. */
export function under<T>(all: Readonly<Record<string, T>>, prefix: string): Record<string, T> {
  const start = `${prefix}/`;
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, x]) => (name.startsWith(start) ? [[name.slice(start.length), x]] : [])),
  );
}

/** Joins named groups into one flat record: { params: { w } } → { 'params/w': w }. */
export function joined<T>(groups: Readonly<Record<string, Readonly<Record<string, T>>>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(groups).flatMap(([prefix, group]) =>
      Object.entries(group).map(([name, x]) => [`${prefix}/${name}`, x] as const),
    ),
  );
}

/** A wrong shape here is a bug of the caller: it would be a wrong graph on a compiling backend. */
export function checkInputs(program: string, inputs: HostTensors, specs: Specs): void {
  for (const [name, { shape, dtype }] of Object.entries(specs)) {
    const given = inputs[name] && specOf(inputs[name]);
    if (
      !given ||
      given.dtype !== dtype ||
      given.shape.join() !== shape.join() ||
      inputs[name]!.data.length !== sizeOf(shape)
    ) {
      const found = given ? `${given.dtype} [${given.shape.join(', ')}]` : 'nothing';
      throw new TypeError(`${program}: input ${name} must be ${dtype} [${shape.join(', ')}], got ${found}`);
    }
  }
}
