import { describe, expect, test } from 'vitest';
import * as measures from '../../src/experiment/table/measures.ts';
import * as intervals from '../../src/experiment/statistics/intervals.ts';
import * as power from '../../src/experiment/statistics/power.ts';
import * as random from '../../src/random.ts';
import { nullStudies, powerAtMde } from '../bench/nullStudies.js';

const parts = { measures, intervals, power, random };
const studies = 200;
/** A rate of α is seen no higher than this in all but one of a thousand simulations. */
const bound = (alpha: number, n: number) => alpha + 3.1 * Math.sqrt((alpha * (1 - alpha)) / n);

describe('200 simulated studies of ten arms that do the same (test/bench/nullStudies.js runs 2,000)', () => {
  test('10 seeds: a study calls any of them helpful or harmful at most as often as α', () => {
    const { any, t } = nullStudies(parts, { studies, seeds: 10 });
    expect(any).toBeLessThanOrEqual(bound(0.05, studies));
    expect(any).toBeGreaterThan(0); // the procedure can reject
    expect(1 - t).toBeLessThanOrEqual(bound(0.05, studies));
  });

  test('5 seeds: never, since five seeds cannot be significant', () => {
    const { any, t, inconclusive, equivalent } = nullStudies(parts, { studies, seeds: 5 });
    expect(any).toBe(0);
    expect(inconclusive + equivalent).toBe(1);
    expect(1 - t).toBeLessThanOrEqual(bound(0.05, studies));
  });

  // 0.8 is the least: where another arm is significant by chance, Holm's next step is easier
  test.each([
    [6, 1],
    [9, 10],
    [10, 10],
  ])('%i seeds find a difference of the MDE in one of %i arms four times in five', (seeds, arms) => {
    const found = powerAtMde(parts, { studies, seeds, arms })!;
    expect(Math.abs(found - 0.8)).toBeLessThan(3.1 * Math.sqrt((0.8 * 0.2) / studies));
  });

  test('8 seeds find nothing in one of ten, and say so', () => {
    expect(powerAtMde(parts, { studies, seeds: 8, arms: 10 })).toBeUndefined();
    expect(nullStudies(parts, { studies, seeds: 8, shift: 0.1, shifted: 1 }).found).toBe(0);
  });

  test('a true difference of δ is called equivalent at most as often as α', () => {
    const { equivalent } = nullStudies(parts, { studies, seeds: 10, shift: 0.002, arms: 1 });
    expect(equivalent).toBeLessThanOrEqual(bound(0.05, studies));
  });
});
