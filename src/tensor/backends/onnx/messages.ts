/** What the main thread and the worker say to each other. */
import type { Spec } from '../../compile.ts';
import type { NextState } from './trace.ts';

/** A named array inside a buffer that holds several; the offset is in bytes. */
export interface Field extends Spec {
  readonly name: string;
  readonly offset: number;
}

export interface Packed {
  readonly buffer: ArrayBuffer;
  readonly fields: readonly Field[];
}

export interface Compile {
  readonly model: Uint8Array;
  /** State entries the model reads. */
  readonly state: readonly string[];
  /** Where the model's arguments lie in the buffer of a run. */
  readonly inputs: readonly Field[];
  /** Graph outputs that become state: shapes as they lie on the device. */
  readonly writes: readonly ({ readonly output: string } & Spec)[];
  readonly next: readonly { readonly name: string; readonly from: NextState }[];
  /** Graph outputs that are read back, and where they lie in the reply. */
  readonly outputs: readonly Field[];
  readonly outputBytes: number;
}

export interface WorkerData {
  readonly threads: number;
  readonly device: 'cpu' | 'webgpu';
  /** x → itself, for each type; on a GPU the way to read a tensor back. */
  readonly copy: Readonly<Record<'float32' | 'int32', Uint8Array>>;
}

export interface Request {
  readonly id: number;
  readonly kind: string;
  readonly request: unknown;
}

export interface Reply {
  readonly id: number;
  readonly reply?: unknown;
  readonly error?: string;
}
