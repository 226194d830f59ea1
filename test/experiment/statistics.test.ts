import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  logGamma,
  mean,
  median,
  pairedDifferences,
  regularizedBeta,
  sampleSd,
  studentTInterval,
  studentTQuantile,
} from '../../src/experiment/statistics.ts';

interface Reference {
  source: string;
  quantiles: { p: number; df: number; t: number }[];
  betas: { x: number; a: number; b: number; value: number }[];
  samples: { xs: number[]; mean: number; sd: number; median: number; interval95: number[]; interval99: number[] }[];
  paired: { a: number[]; b: number[]; interval95: number[] };
}
const reference = JSON.parse(
  readFileSync(new URL('../fixtures/statistics.json', import.meta.url), 'utf8'),
) as Reference;

const relativeError = (found: number, expected: number) =>
  Math.abs(found - expected) / Math.max(Math.abs(expected), 1e-300);

describe(`matches ${reference.source}`, () => {
  test.each(reference.quantiles)('t quantile p=$p, df=$df', ({ p, df, t }) => {
    const found = studentTQuantile(p, df);
    if (p === 0.5)
      expect(Math.abs(found)).toBeLessThan(1e-7); // t² is below the resolution of 1 − I_x there
    else expect(relativeError(found, t)).toBeLessThan(1e-11);
  });

  test.each(reference.betas)('I_$x($a, $b)', ({ x, a, b, value }) => {
    expect(relativeError(regularizedBeta(x, a, b), value)).toBeLessThan(1e-11);
  });

  test.each(reference.samples)('mean, deviation and intervals of $xs.length values', (sample) => {
    const { xs, mean: centre, sd, median: middle, interval95, interval99 } = sample;
    expect(relativeError(mean(xs), centre)).toBeLessThan(1e-14);
    expect(relativeError(sampleSd(xs), sd)).toBeLessThan(1e-12);
    expect(relativeError(median(xs), middle)).toBeLessThan(1e-14);
    for (const [confidence, expected] of [
      [0.95, interval95],
      [0.99, interval99],
    ] as const) {
      studentTInterval(xs, confidence).forEach((bound, i) =>
        expect(relativeError(bound, expected[i] as number)).toBeLessThan(1e-11),
      );
    }
  });

  test('paired interval', () => {
    const asMap = (xs: number[]) => new Map(xs.map((x, seed) => [seed, x]));
    const { differences } = pairedDifferences(asMap(reference.paired.a), asMap(reference.paired.b));
    studentTInterval(differences).forEach((bound, i) =>
      expect(relativeError(bound, reference.paired.interval95[i] as number)).toBeLessThan(1e-10),
    );
  });
});

test('pairs only the seeds that both have', () => {
  const a = new Map([
    [4, 10],
    [0, 1],
    [2, 5],
  ]);
  const b = new Map([
    [2, 3],
    [0, 4],
    [9, 0],
  ]);
  expect(pairedDifferences(a, b)).toEqual({ seeds: [0, 2], differences: [-3, 2] });
});

test('ln Γ at its closed forms: Γ(1) = Γ(2) = 1, Γ(5) = 24, Γ(1/2) = √π', () => {
  expect([1, 2, 5, 0.5].map((x) => Math.exp(logGamma(x)))).toEqual(
    [1, 1, 24, Math.sqrt(Math.PI)].map((x): unknown => expect.closeTo(x, 12)),
  );
});

test('one value has no deviation, none has no mean', () => {
  expect([sampleSd([1]), mean([]), median([])]).toEqual([NaN, NaN, NaN]);
});
