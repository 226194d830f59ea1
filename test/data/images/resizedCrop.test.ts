import { describe, expect, test } from 'vitest';
import { evalGeometry, randomBox, trainGeometry } from '../../../src/data/images/resizedCrop.ts';
import { stream } from '../../../src/random.ts';

const draws = 10_000;
const boxes = (width: number, height: number, count = draws) =>
  Array.from({ length: count }, (_, i) => randomBox(stream(1, 'augment', 0, i), width, height));

/** Largest distance between the samples' distribution and the uniform one on [low, high]. */
function kolmogorov(samples: readonly number[], low: number, high: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return Math.max(
    ...sorted.map((x, i) => {
      const expected = (x - low) / (high - low);
      return Math.max(Math.abs(expected - i / sorted.length), Math.abs(expected - (i + 1) / sorted.length));
    }),
  );
}

/** At the 0.1 % level a sample of n exceeds 1.95 / √n (Smirnov 1948). */
const limit = 1.95 / Math.sqrt(draws);

describe('RandomResizedCrop', () => {
  test('the area is uniform on [0.08, 1] and the logarithm of the aspect on ± ln 4/3, as far as the box fits', () => {
    // Where area · max(aspect, 1/aspect) ≤ 1 every draw is accepted: below an area of 3/4 in a square image.
    const free = boxes(4_000, 4_000)
      .map(({ width, height }) => ({ area: (width * height) / 4_000 ** 2, aspect: Math.log(width / height) }))
      .filter(({ area }) => area < 0.75);
    const scaled = 1.95 / Math.sqrt(free.length);
    expect(kolmogorov(free.map(({ area }) => area), 0.08, 0.75)).toBeLessThan(scaled); // prettier-ignore
    expect(kolmogorov(free.map(({ aspect }) => aspect), -Math.log(4 / 3), Math.log(4 / 3))).toBeLessThan(scaled); // prettier-ignore
  });

  test('the share of small areas is that of the rejection rule', () => {
    // P(accepted | area a) = 1 for a ≤ 3/4, else 1 + ln(1/a) / ln(4/3) − … = the share of ln-aspects within ± ln(1/a).
    const accepted = (a: number) => Math.min(1, Math.log(1 / a) / Math.log(4 / 3));
    let [below, all] = [0, 0];
    for (let k = 0; k < 100_000; k++) {
      const a = 0.08 + (0.92 * (k + 0.5)) / 100_000;
      all += accepted(a);
      if (a < 0.5) below += accepted(a);
    }
    const share = boxes(4_000, 4_000).filter(({ width, height }) => width * height < 0.5 * 4_000 ** 2).length / draws;
    expect(Math.abs(share - below / all)).toBeLessThan(3.3 * Math.sqrt(0.25 / draws));
  });

  test.each([
    [500, 375],
    [375, 500],
    [37, 1_000],
    [1, 1],
    [2, 900],
  ])('lies within %i × %i', (width, height) => {
    for (const box of boxes(width, height, 1_000)) {
      expect(box.width).toBeGreaterThanOrEqual(1);
      expect(box.height).toBeGreaterThanOrEqual(1);
      expect(box.left).toBeGreaterThanOrEqual(0);
      expect(box.top).toBeGreaterThanOrEqual(0);
      expect(box.left + box.width).toBeLessThanOrEqual(width);
      expect(box.top + box.height).toBeLessThanOrEqual(height);
    }
  });

  test('places are uniform over what is free', () => {
    const places = boxes(4_000, 4_000).map(({ left, width }) => (left + 0.5) / (4_000 - width + 1));
    expect(kolmogorov(places, 0, 1)).toBeLessThan(limit);
  });

  test('where no draw fits: the centre with its aspect clamped, as torchvision takes it', () => {
    const never = { bits: () => 0, uniform: () => 1 - 1e-9, below: () => 0, normal: () => 0 }; // area 1, aspect 4/3
    expect(randomBox(never, 100, 1_000)).toEqual({ left: 0, top: 433, width: 100, height: 133 });
    expect(randomBox(never, 1_000, 90)).toEqual({ left: 440, top: 0, width: 120, height: 90 });
    expect(randomBox(never, 100, 100)).toEqual({ left: 0, top: 0, width: 100, height: 100 });
  });

  test('half of the images are mirrored, whatever becomes of the crop', () => {
    const mirrored = (width: number) =>
      Array.from(
        { length: draws },
        (_, i) => trainGeometry(stream(5, 'augment', 2, i), true, 224, width, 375).isMirrored,
      );
    const flips = mirrored(500);
    expect(Math.abs(flips.filter(Boolean).length / draws - 0.5)).toBeLessThan(0.015);
    expect(mirrored(60)).toEqual(flips);
    expect(trainGeometry(stream(5, 'augment', 2, 0), false, 224, 500, 375).isMirrored).toBe(false);
  });
});

describe('evaluation', () => {
  // Sizes and corners as torchvision's Resize(256) and CenterCrop(224) give them.
  test.each([
    [500, 375, 341, 256, 58, 16],
    [375, 500, 256, 341, 16, 58],
    [256, 256, 256, 256, 16, 16],
    [400, 101, 1013, 256, 394, 16],
    [640, 480, 341, 256, 58, 16],
  ])('%i × %i: short side 256, centre 224', (width, height, resizedWidth, resizedHeight, left, top) => {
    expect(evalGeometry(256, 224, width, height)).toEqual({
      box: { left: 0, top: 0, width, height },
      target: { width: resizedWidth, height: resizedHeight },
      window: { left, top, width: 224, height: 224 },
      isMirrored: false,
    });
  });
});
