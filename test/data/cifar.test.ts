import { describe, expect, test } from 'vitest';
import { concatenate, readCifar } from '../../src/data/cifar.ts';
import { UserError } from '../../src/errors.ts';

/** A record with red 1, green 2, blue 3 but for the pixel in row 1, column 2, which is (10, 20, 30). */
function record(...labels: number[]): Buffer {
  const planes = Buffer.concat([1, 2, 3].map((value) => Buffer.alloc(1024, value)));
  [10, 20, 30].forEach((value, channel) => (planes[channel * 1024 + 32 + 2] = value));
  return Buffer.concat([Buffer.from(labels), planes]);
}

describe('CIFAR', () => {
  test('a CIFAR-10 record has 3,073 bytes; planes become pixels', () => {
    const bytes = Buffer.concat([record(6), record(9)]);
    expect(bytes.length).toBe(2 * 3073);
    const { count, labels, images } = readCifar(bytes, { count: 2, labelBytes: 1, classes: 10, name: 'x' });
    expect([count, ...labels]).toEqual([2, 6, 9]);
    expect([...images.subarray(0, 6)]).toEqual([1, 2, 3, 1, 2, 3]);
    const at = (1 * 32 + 2) * 3;
    expect([...images.subarray(3072 + at, 3072 + at + 6)]).toEqual([10, 20, 30, 1, 2, 3]);
    expect(images.reduce((a, b) => a + b, 0)).toBe(2 * (1023 * 6 + 60));
  });

  test('CIFAR-100 takes the fine label, the second byte', () => {
    const bytes = record(19, 99);
    expect(bytes.length).toBe(3074);
    expect([...readCifar(bytes, { count: 1, labelBytes: 2, classes: 100, name: 'x' }).labels]).toEqual([99]);
  });

  test('a file of another length names both lengths', () => {
    const layout = { count: 2, labelBytes: 1, classes: 10, name: 'test_batch.bin' } as const;
    expect(() => readCifar(record(1).subarray(1), layout)).toThrow(
      'test_batch.bin has 3072 bytes, expected 6146: 2 records of 3073',
    );
    expect(() => readCifar(record(1), layout)).toThrow('has 3073 bytes'); // cut off between two records
    expect(() => readCifar(new Uint8Array(0), layout)).toThrow(UserError);
  });

  test('a label out of range names the sample', () => {
    const bytes = Buffer.concat([record(3), record(10)]);
    expect(() => readCifar(bytes, { count: 2, labelBytes: 1, classes: 10, name: 'data_batch_1.bin' })).toThrow(
      'data_batch_1.bin: sample 1 has label 10, expected 0 to 9',
    );
  });

  test('files are joined in order', () => {
    const part = (label: number) => readCifar(record(label), { count: 1, labelBytes: 1, classes: 10, name: 'x' });
    const { count, labels, images } = concatenate([part(4), part(2)]);
    expect([count, ...labels, images.length]).toEqual([2, 4, 2, 6144]);
  });
});
