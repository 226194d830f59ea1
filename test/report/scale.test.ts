import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { spreadOut } from '../../src/report/figures/chart.ts';
import { errorScale, linearScale, logScale, niceStep, shortNumber } from '../../src/report/figures/scale.ts';

const finite = fc.double({ min: -1e9, max: 1e9, noNaN: true });

describe('ticks', () => {
  // The examples in the documentation of d3-array's ticks(), which has the same rule.
  test.each([
    [1, 9, 5, [2, 4, 6, 8]],
    [1, 9, 20, [1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8, 8.5, 9]],
  ])('from %d to %d, about %d', (low, high, count, ticks) => {
    expect(linearScale([low, high], [0, 1], count).ticks).toEqual(ticks);
  });

  test('steps are 1, 2 or 5 times a power of ten, and there are about as many as asked for', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-9, max: 1e9, noNaN: true }), fc.integer({ min: 2, max: 12 }), (span, count) => {
        const step = niceStep(span, count);
        const leading = step / 10 ** Math.floor(Math.log10(step) + 1e-9);
        expect([1, 2, 5].some((digit) => Math.abs(leading - digit) < 1e-6)).toBe(true);
        expect(span / step).toBeGreaterThan(count / Math.sqrt(2.5) - 1e-6);
        expect(span / step).toBeLessThan(count * Math.sqrt(2.5) + 1e-6);
      }),
    );
  });

  test('ticks lie in the domain, and the ends of the domain at the ends of the range', () => {
    fc.assert(
      fc.property(finite, finite, (a, b) => {
        fc.pre(Math.abs(a - b) > 1e-6 * Math.max(1, Math.abs(a), Math.abs(b))); // closer, and doubles are the limit
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        const scale = linearScale([low, high], [100, 0]);
        expect([scale(low), scale(high)]).toEqual([100, expect.closeTo(0, 9)]);
        for (const tick of scale.ticks) expect(scale(tick)).toBeGreaterThanOrEqual(-0.01);
        expect(scale.ticks.length).toBeGreaterThan(0);
      }),
    );
  });

  test('one value alone has a domain around it', () => {
    const scale = linearScale([3, 3], [0, 10]);
    expect(scale(3)).toBe(5);
    expect(scale.ticks.length).toBeGreaterThan(1);
  });

  test('logarithmic: equal factors are equally far apart', () => {
    const scale = logScale([0.01, 100], [0, 400]);
    expect([0.01, 0.1, 1, 10, 100].map((x) => Math.round(scale(x)))).toEqual([0, 100, 200, 300, 400]);
    expect(scale.ticks).toEqual([0.01, 0.1, 1, 10, 100]);
    expect(logScale([0.4, 6], [0, 1]).ticks).toEqual([0.5, 1, 2, 5]);
  });

  test('by the error: 80, 90, 95 and 97.5 % each halve what is missing', () => {
    const scale = errorScale([60, 97.5], [0, 400]);
    expect([60, 80, 90, 95, 97.5].map((x) => Math.round(1e6 * scale(x)) / 1e6)).toEqual([0, 100, 200, 300, 400]);
    expect(errorScale([100, 100], [0, 1]).ticks.length).toBeGreaterThan(0);
  });
});

test('numbers as labels', () => {
  expect([0, 0.0002, 3e-7, 12000, 1234567, -0.5].map(shortNumber)).toEqual([
    '0',
    '0.0002',
    '3e−7',
    '12,000',
    '1.23 M',
    '−0.5',
  ]);
  const { ticks, label } = linearScale([0, 0.001], [0, 1], 5);
  expect(ticks.map(label)).toEqual(['0.0000', '0.0002', '0.0004', '0.0006', '0.0008', '0.0010']);
});

test('labels are spread out: in order, apart, inside, and left alone where there is room', () => {
  expect(spreadOut([50, 10, 90], 12, [0, 100])).toEqual([50, 10, 90]);
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 200, noNaN: true }), { minLength: 1, maxLength: 14 }), (wanted) => {
      const placed = spreadOut(wanted, 13, [0, 200]);
      const sorted = placed.toSorted((a, b) => a - b);
      for (let i = 1; i < sorted.length; i++) expect(sorted[i]! - sorted[i - 1]!).toBeGreaterThan(13 - 1e-9);
      expect(sorted[0]).toBeGreaterThan(-1e-9);
      expect(sorted.at(-1)).toBeLessThan(200 + 1e-9);
      wanted.forEach((a, i) => wanted.forEach((b, j) => a < b && expect(placed[i]).toBeLessThan(placed[j]!)));
    }),
  );
});
