/** A TensorFlow.js kernel that writes graph nodes: values and attributes in, values out. */
import type { Value, Writer } from '../value.ts';

export type Values = Readonly<Record<string, Value>>;
export type Attrs = Readonly<Record<string, unknown>>;
export type Kernel = (inputs: Values, attrs: Attrs, w: Writer) => Value | readonly Value[];
export type Kernels = Readonly<Record<string, Kernel>>;
