import { UserError } from '../errors.ts';

/**
 * Reads an IDX file of unsigned bytes without copying it.
 *
 *     00 00 08 rank | rank × u32 size, big endian | data, row-major
 *
 * The sizes are compared with the length of the file before anything is allocated.
 *
 * Reference: LeCun, Cortes, Burges, The MNIST database, section "file formats".
 * Differs from: the other five element types of the format are refused; no data set here uses them.
 */
export function readIdx(bytes: Uint8Array, name: string): { shape: number[]; data: Uint8Array } {
  const refuse = (found: string) =>
    new UserError(`${name} is not an IDX file of unsigned bytes: ${found}`, {
      remedy: 'fetch the file again; uncompressed it starts with the bytes 00 00 08 and its number of dimensions',
    });
  if (bytes.length < 4) throw refuse(`it has ${bytes.length} bytes`);
  const [zero, zeroToo, type, rank = 0] = bytes;
  if (zero !== 0 || zeroToo !== 0) throw refuse(`it starts with ${hex(bytes.subarray(0, 4))}`);
  if (type !== 8) throw refuse(`its element type is 0x${hex(bytes.subarray(2, 3))}, expected 0x08`);
  const headerBytes = 4 + 4 * rank;
  if (rank < 1 || rank > 4) throw refuse(`it has ${rank} dimensions, expected 1 to 4`);
  if (bytes.length < headerBytes)
    throw refuse(`the header takes ${headerBytes} bytes and the file has ${bytes.length}`);

  const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const expected = headerBytes + shape.reduce((product, size) => product * size, 1);
  if (bytes.length !== expected) {
    throw refuse(`a header of ${shape.join(' × ')} makes ${expected} bytes, the file has ${bytes.length}`);
  }
  return { shape, data: bytes.subarray(headerBytes) };
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
