import { createHash } from 'node:crypto';
import type { HostTensors } from '../tensor/compile.ts';

/** SHA-256 of named tensors: of every name, shape and bytes, in the order of the names. */
export function tensorsHash(tensors: HostTensors): string {
  const hash = createHash('sha256');
  for (const name of Object.keys(tensors).sort()) {
    const { shape, data } = tensors[name]!;
    hash.update(`${name}[${shape.join()}]\0`);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}
