import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readIdx } from '../../src/data/idx.ts';
import { UserError } from '../../src/errors.ts';

describe('IDX', () => {
  test('reads sizes and data of the format as published', () => {
    const bytes = Buffer.from('00000803' + '00000002' + '00000001' + '00000003' + '010203fdfeff', 'hex'); // magic 2051
    expect(readIdx(bytes, 'x')).toEqual({ shape: [2, 1, 3], data: Buffer.from([1, 2, 3, 253, 254, 255]) });
    const labels = Buffer.from('00000801' + '00000004' + '07020104', 'hex'); // magic 2049; the first labels of MNIST's test
    expect([...readIdx(labels, 'x').data]).toEqual([7, 2, 1, 4]);
  });

  test('reads from the middle of a larger buffer', () => {
    const bytes = Buffer.from('ffff' + '00000801' + '00000002' + '0509' + 'ff', 'hex');
    expect([...readIdx(bytes.subarray(2, 12), 'x').data]).toEqual([5, 9]);
  });

  test.each([
    ['0000', 'it has 2 bytes'],
    ['0000080300', 'the header takes 16 bytes and the file has 5'],
    ['1f8b0800000000000003', 'it starts with 1f8b0800'],
    ['00000d0100000001', 'its element type is 0x0d, expected 0x08'],
    ['00000800', 'it has 0 dimensions, expected 1 to 4'],
    ['000008ff', 'it has 255 dimensions, expected 1 to 4'],
    ['000008010000000507', 'a header of 5 makes 13 bytes, the file has 9'],
    ['00000801000000010707', 'a header of 1 makes 9 bytes, the file has 10'],
    ['00000803ffffffffffffffffffffffff00', 'a header of 4294967295 × 4294967295 × 4294967295 makes'],
  ])('refuses %s', (hex, message) => {
    expect(() => readIdx(Buffer.from(hex, 'hex'), 'train-images')).toThrow(UserError);
    expect(() => readIdx(Buffer.from(hex, 'hex'), 'train-images')).toThrow(message);
  });

  test('any bytes give data of their own length or a UserError', () => {
    const header = fc.tuple(
      fc.constantFrom(0, 1),
      fc.constant(0),
      fc.constantFrom(8, 13),
      fc.integer({ min: 0, max: 5 }),
    );
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.tuple(header, fc.uint8Array({ maxLength: 40 })).map(([h, b]) => Uint8Array.from([...h, ...b])),
    );
    fc.assert(
      fc.property(bytes, (input) => {
        try {
          const { shape, data } = readIdx(input, 'x');
          expect(shape.reduce((a, b) => a * b, 1)).toBe(data.length);
          expect(data.buffer).toBe(input.buffer); // nothing was allocated
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });
});
