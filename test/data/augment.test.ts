import { describe, expect, test } from 'vitest';
import { placement, writeImage } from '../../src/data/augment.ts';

/** A 3×3 image with pixels 1 … 9. */
function place(options: { top: number; left: number; isFlipped?: boolean; crop: number }): number[] {
  const out = new Uint8Array(11).fill(77);
  const { isFlipped = false, crop } = options;
  writeImage(out, 1, Uint8Array.from([0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), 2, [3, 3, 1], { ...options, isFlipped }, crop);
  expect([out[0], out[10]]).toEqual([77, 77]); // neighbours untouched
  return [...out.subarray(1, 10)];
}

describe('crop and flip', () => {
  test('in place', () => {
    expect(place({ top: 0, left: 0, crop: 0 })).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(place({ top: 1, left: 1, crop: 1 })).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('the corner (0, 0) of the padded image shows padding above and to the left', () => {
    expect(place({ top: 0, left: 0, crop: 1 })).toEqual([0, 0, 0, 0, 1, 2, 0, 4, 5]);
  });

  test('the far corner shows it below and to the right', () => {
    expect(place({ top: 2, left: 2, crop: 1 })).toEqual([5, 6, 0, 8, 9, 0, 0, 0, 0]);
    expect(place({ top: 0, left: 4, crop: 2 })).toEqual([0, 0, 0, 0, 0, 0, 3, 0, 0]);
  });

  test('padding wider than the image leaves nothing but padding', () => {
    const black = [0, 0, 0, 0, 0, 0, 0, 0, 0];
    expect(place({ top: 4, left: 0, crop: 4 })).toEqual(black);
    expect(place({ top: 4, left: 8, crop: 4 })).toEqual(black);
    expect(place({ top: 0, left: 4, crop: 4 })).toEqual(black);
  });

  test('the crop is mirrored, not the image before it', () => {
    expect(place({ top: 0, left: 0, isFlipped: true, crop: 0 })).toEqual([3, 2, 1, 6, 5, 4, 9, 8, 7]);
    expect(place({ top: 1, left: 0, isFlipped: true, crop: 1 })).toEqual([2, 1, 0, 5, 4, 0, 8, 7, 0]);
  });

  test('channels stay together', () => {
    const out = new Uint8Array(4);
    writeImage(out, 0, Uint8Array.from([1, 2, 3, 4]), 0, [1, 2, 2], { top: 0, left: 0, isFlipped: true }, 0);
    expect([...out]).toEqual([3, 4, 1, 2]);
  });
});

describe('draws', () => {
  const augment = { crop: 4, flip: true };
  const samples = Array.from({ length: 10_000 }, (_, i) => placement(augment, 0, 3, i));

  test('half of the images are mirrored', () => {
    const share = samples.filter(({ isFlipped }) => isFlipped).length / samples.length;
    expect(Math.abs(share - 0.5)).toBeLessThan(0.015); // three standard errors
  });

  test.each(['top', 'left'] as const)('the offset from the %s is uniform on 0 … 8', (side) => {
    const counts = Array.from({ length: 9 }, (_, offset) => samples.filter((s) => s[side] === offset).length);
    const expected = samples.length / 9;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(counts.reduce((a, b) => a + b)).toBe(samples.length);
    expect(chiSquare).toBeLessThan(26.12); // 99.9 % quantile, 8 degrees of freedom
  });

  test('switching one off leaves the other as it is; another seed, epoch or sample changes both', () => {
    const at = (a: typeof augment, seed = 0, epoch = 3) =>
      Array.from({ length: 200 }, (_, i) => placement(a, seed, epoch, i));
    expect(at({ crop: 0, flip: true }).map((p) => p.isFlipped)).toEqual(at(augment).map((p) => p.isFlipped));
    expect(at({ crop: 4, flip: false }).map((p) => p.top)).toEqual(at(augment).map((p) => p.top));
    expect(at({ crop: 4, flip: false }).some((p) => p.isFlipped)).toBe(false);
    expect(at(augment, 1)).not.toEqual(at(augment));
    expect(at(augment, 0, 4)).not.toEqual(at(augment));
    expect(at(augment)).toEqual(at(augment));
  });
});
