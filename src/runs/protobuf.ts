/**
 * The little of the protocol-buffer encoding that event files need: a message is its fields one after the other, a field is
 * its number and wire type, then the value.
 *
 * Reference: https://protobuf.dev/programming-guides/encoding/
 */

export const varintField = (field: number, value: number): Buffer =>
  Buffer.from([...varint(field << 3), ...varint(value)]);

export function doubleField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = (field << 3) | 1;
  bytes.writeDoubleLE(value, 1);
  return bytes;
}

export function floatField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes[0] = (field << 3) | 5;
  bytes.writeFloatLE(value, 1);
  return bytes;
}

export function bytesField(field: number, content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([Buffer.from([...varint((field << 3) | 2), ...varint(bytes.length)]), bytes]);
}

/** Seven bits a byte, lowest first; for whole numbers from 0 to 2⁵³. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return [...bytes, value];
}
