/** Several named arrays in one buffer, so that a call sends one buffer whatever its number of arguments. */
import { sizeOf, type HostTensor, type HostTensors, type Spec } from '../../compile.ts';
import type { Field } from './messages.ts';
import { orderOf, physical, type Layout } from './value.ts';

const arrays = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array } as const;
const alignment = 64; // bytes: a cache line, and enough for any vector load

/** Where each array lies; a name given twice is one array. */
export function layOut(specs: readonly (readonly [string, Spec])[]): { fields: Field[]; bytes: number } {
  let bytes = 0;
  const fields = [...new Map(specs)].map(([name, { shape, dtype }]) => {
    const offset = bytes;
    bytes += Math.ceil((arrays[dtype].BYTES_PER_ELEMENT * sizeOf(shape)) / alignment) * alignment;
    return { name, offset, shape, dtype };
  });
  return { fields, bytes };
}

export const viewOf = (buffer: ArrayBuffer, offset: number, { shape, dtype }: Spec): HostTensor['data'] =>
  new arrays[dtype](buffer, offset, sizeOf(shape));

export function pack(fields: readonly Field[], bytes: number, values: HostTensors): ArrayBuffer {
  const buffer = new ArrayBuffer(bytes);
  for (const { name, offset, ...spec } of fields) viewOf(buffer, offset, spec).set(values[name]!.data);
  return buffer;
}

/** Elements of a logical tensor in the order of a layout. */
export function toLayout({ shape, data }: HostTensor, layout: Layout): HostTensor {
  return layout === 'plain'
    ? { shape, data }
    : { shape: physical(shape, layout), data: permuted(data, shape, orderOf(layout, 4)) };
}

/** The logical tensor of elements in the order of a layout. */
export function fromLayout(data: HostTensor['data'], shape: readonly number[], layout: Layout): HostTensor {
  if (layout === 'plain') return { shape, data };
  const order = orderOf(layout, 4);
  return {
    shape,
    data: permuted(
      data,
      physical(shape, layout),
      order.map((_, axis) => order.indexOf(axis)),
    ),
  };
}

function permuted<T extends HostTensor['data']>(data: T, shape: readonly number[], order: readonly number[]): T {
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const [n0, n1, n2, n3] = order.map((axis) => shape[axis]!) as [number, number, number, number];
  const [s0, s1, s2, s3] = order.map((axis) => strides[axis]!) as [number, number, number, number];
  const result = data.slice() as T;
  let to = 0;
  for (let a = 0; a < n0; a++)
    for (let b = 0; b < n1; b++)
      for (let c = 0; c < n2; c++) for (let d = 0; d < n3; d++) result[to++] = data[a * s0 + b * s1 + c * s2 + d * s3]!;
  return result;
}
