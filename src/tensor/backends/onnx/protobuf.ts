/**
 * Protocol-buffer wire format, writing only: a message is the concatenation of its fields.
 *
 * Reference: https://protobuf.dev/programming-guides/encoding/
 */
export type Bytes = Uint8Array;

const wire = { varint: 0, length: 2, fixed32: 5 } as const;

/** Base-128 digits, lowest first; a negative number is its 64-bit two's complement. */
function varint(value: number): Bytes {
  if (value >= 0 && value < 0x80) return Uint8Array.of(value);
  const digits: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 0x7fn) {
    digits.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  digits.push(Number(rest));
  return Uint8Array.from(digits);
}

const tag = (field: number, type: number): Bytes => varint((field << 3) | type);

export const intField = (field: number, value: number): Bytes =>
  Buffer.concat([tag(field, wire.varint), varint(value)]);

export const floatField = (field: number, value: number): Bytes => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([tag(field, wire.fixed32), bytes]);
};

export const bytesField = (field: number, value: Bytes): Bytes =>
  Buffer.concat([tag(field, wire.length), varint(value.length), value]);

export const textField = (field: number, value: string): Bytes => bytesField(field, Buffer.from(value));

export const messageField = (field: number, fields: readonly Bytes[]): Bytes =>
  bytesField(field, Buffer.concat(fields));
