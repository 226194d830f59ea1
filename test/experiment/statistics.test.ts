import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { correlation, mean, median, quantile, sampleSd } from '../../src/experiment/statistics/describe.ts';
import {
  logGamma,
  noncentralTCdf,
  normalCdf,
  normalQuantile,
  regularizedBeta,
  studentTCdf,
  studentTQuantile,
} from '../../src/experiment/statistics/distributions.ts';
import { bcaInterval, studentTInterval, wilsonInterval } from '../../src/experiment/statistics/intervals.ts';
import { pairedDifferences, synergyBySeed, winShare } from '../../src/experiment/statistics/paired.ts';
import { detectableEffect, powerOfT, seedsToReject } from '../../src/experiment/statistics/power.ts';
import {
  equivalenceTest,
  exceedsTest,
  holm,
  mcnemarExact,
  signFlipTest,
  smallestSignFlipP,
} from '../../src/experiment/statistics/tests.ts';
import { stream } from '../../src/random.ts';

type Ends = [number, number];
interface Reference {
  source: string;
  quantiles: { p: number; df: number; t: number }[];
  betas: { x: number; a: number; b: number; value: number }[];
  samples: { xs: number[]; mean: number; sd: number; median: number; interval95: Ends; interval99: Ends }[];
  paired: { a: number[]; b: number[]; interval95: Ends; correlation: number };
  normal: { x: number; cdf: number }[];
  normalQuantiles: { p: number; x: number }[];
  tCdf: { t: number; df: number; cdf: number }[];
  noncentral: { t: number; df: number; lambda: number; cdf: number }[];
  power: { effect: number; n: number; alpha: number; power: number }[];
  effects: { n: number; alpha: number; effect: number }[];
  differences: {
    ds: number[];
    signFlipP: number;
    equivalenceP: Record<string, number>;
    exceedsP: Record<string, number>;
    dz: number;
    bca95: Ends;
  }[];
  drawn: { ds: number[]; p: number };
  holm: { ps: number[]; adjusted: number[] }[];
  wilson: { k: number; n: number; confidence: number; interval: Ends }[];
  mcnemar: { a: number; b: number; p: number }[];
  percentiles: { xs: number[]; p: number; value: number }[];
}

const path = new URL('../fixtures/statistics.json', import.meta.url);
const reference = JSON.parse(readFileSync(path, 'utf8')) as Reference;
const draws = () => stream(1, 'statistics');
const near = (x: number): unknown => expect.closeTo(x, 9);
const relative = (value: number, expected: number) => Math.abs(value - expected) / Math.max(Math.abs(expected), 1e-300);

describe(`distributions agree with ${reference.source} to 1e-9`, () => {
  test.each(reference.normal)('Φ($x)', ({ x, cdf }) => expect(relative(normalCdf(x), cdf)).toBeLessThan(1e-9));

  test.each(reference.normalQuantiles)('Φ⁻¹($p)', ({ p, x }) => expect(normalQuantile(p)).toBeCloseTo(x, 9));

  test.each(reference.tCdf)('P(t ≤ $t), $df degrees of freedom', ({ t, df, cdf }) =>
    expect(relative(studentTCdf(t, df), cdf)).toBeLessThan(1e-9),
  );

  test.each(reference.noncentral)('noncentral t at $t, $df degrees of freedom, λ = $lambda', (c) =>
    expect(noncentralTCdf(c.t, c.df, c.lambda)).toBeCloseTo(c.cdf, 9),
  );

  // measured: worst relative difference 2e-15
  test.each(reference.quantiles)('t quantile at p = $p, $df degrees of freedom', ({ p, df, t }) => {
    expect(Math.abs(studentTQuantile(p, df) - t)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(t)));
  });

  test.each(reference.betas)('I_$x($a, $b)', ({ x, a, b, value }) => {
    expect(relative(regularizedBeta(x, a, b), value)).toBeLessThanOrEqual(1e-12);
  });
});

describe(`samples agree with ${reference.source} to 1e-9`, () => {
  test.each(reference.samples)(
    'of $xs.length values',
    ({ xs, mean: m, sd, median: middle, interval95, interval99 }) => {
      expect([mean(xs), sampleSd(xs), median(xs)]).toEqual([near(m), near(sd), near(middle)]);
      expect(studentTInterval(xs)).toEqual(interval95.map(near));
      expect(studentTInterval(xs, 0.99)).toEqual(interval99.map(near));
    },
  );

  test.each(reference.percentiles)('quantile $p', ({ xs, p, value }) => expect(quantile(xs, p)).toBeCloseTo(value, 9));

  test('a paired comparison: interval and correlation', () => {
    const bySeed = (xs: readonly number[]) => new Map(xs.map((x, seed) => [seed, x]));
    const { seeds, differences } = pairedDifferences(bySeed(reference.paired.a), bySeed(reference.paired.b));
    expect(seeds).toEqual([0, 1, 2, 3, 4, 5]);
    expect(studentTInterval(differences)).toEqual(reference.paired.interval95.map(near));
    expect(correlation(reference.paired.a, reference.paired.b)).toBeCloseTo(reference.paired.correlation, 9);
  });
});

describe(`tests agree with ${reference.source} to 1e-9`, () => {
  test.each(reference.differences)('of $ds.length differences', ({ ds, signFlipP, equivalenceP, exceedsP, dz }) => {
    expect(signFlipTest(ds, draws())).toBeCloseTo(signFlipP, 12);
    for (const [delta, p] of Object.entries(equivalenceP)) expect(equivalenceTest(ds, Number(delta))).toEqual(near(p));
    for (const [target, p] of Object.entries(exceedsP)) expect(exceedsTest(ds, Number(target))).toEqual(near(p));
    expect(mean(ds) / sampleSd(ds)).toBeCloseTo(dz, 9);
  });

  // 20,000 draws of a share near 0.0084 have a standard error of 0.00065
  test('signs are drawn where there are too many to enumerate', () => {
    const { ds, p } = reference.drawn;
    expect(Math.abs(signFlipTest(ds, draws()) - p)).toBeLessThan(3 * Math.sqrt((p * (1 - p)) / 20_000));
    expect(signFlipTest(ds, draws())).toBe(signFlipTest(ds, draws()));
  });

  test.each(reference.holm)('Holm: $ps', ({ ps, adjusted }) => expect(holm(ps)).toEqual(adjusted.map(near)));

  test.each(reference.wilson)('Wilson: $k of $n at $confidence', ({ k, n, confidence, interval }) =>
    expect(wilsonInterval(k, n, confidence)).toEqual(interval.map(near)),
  );

  test.each(reference.mcnemar)('McNemar: $a against $b', ({ a, b, p }) => expect(mcnemarExact(a, b)).toBeCloseTo(p, 9));
});

describe(`power agrees with ${reference.source} to 1e-9`, () => {
  test.each(reference.power)('effect $effect, n = $n, α = $alpha', ({ effect, n, alpha, power }) =>
    expect(powerOfT(effect, n, alpha)).toBeCloseTo(power, 9),
  );

  test.each(reference.effects)('detectable with n = $n at α = $alpha', ({ n, alpha, effect }) =>
    expect(relative(detectableEffect(n, alpha), effect)).toBeLessThan(1e-9),
  );
});

describe(`bootstrap ends agree with ${reference.source}, 400,000 resamples, to 1e-3`, () => {
  const accuracies = reference.differences.filter(({ ds }) => sampleSd(ds) < 0.01);
  test.each(accuracies)('of $ds.length differences', ({ ds, bca95 }) => {
    const ends = bcaInterval(ds, draws())!;
    ends.forEach((end, i) => expect(Math.abs(end - bca95[i]!)).toBeLessThan(1e-3 * Math.min(1, 100 * sampleSd(ds))));
  });
});

describe('what cannot be said is null', () => {
  test.each([
    ['one value', [0.3]],
    ['equal values', [0.25, 0.25, 0.25]],
    ['values equal but for rounding', [0.92 - 0.9, 0.94 - 0.92, 0.96 - 0.94]],
  ])('%s: no interval, no equivalence', (_, xs) => {
    expect([
      studentTInterval(xs),
      bcaInterval(xs, draws()),
      equivalenceTest(xs, 0.5),
      exceedsTest(xs, 0),
      correlation(xs, xs),
    ]).toEqual([null, null, null, null, undefined]);
  });

  test('one value has no deviation, none has no mean', () => {
    expect([sampleSd([1]), mean([]), median([])]).toEqual([NaN, NaN, NaN]);
  });
});

test('the sign-flip test cannot go below 2/2ⁿ: nine seeds for ten arms, six for one', () => {
  expect([3, 5, 8, 10].map(smallestSignFlipP)).toEqual([0.25, 0.0625, 0.0078125, 0.001953125]);
  expect(signFlipTest([1, 2, 3, 4, 5], draws())).toBe(0.0625);
  expect([seedsToReject(10), seedsToReject(1)]).toEqual([9, 6]);
});

test('a quantile between a finite and an infinite value is infinite', () => {
  expect([median([1, Infinity]), median([1, 2, Infinity]), quantile([1, Infinity, Infinity], 0.25)]).toEqual([
    Infinity,
    2,
    Infinity,
  ]);
});

test('wins count ties half', () => expect(winShare([0.1, -0.1, 0, 0.2])).toBe(0.625));

test('synergy is what a component adds in company less what it adds alone, on the seeds all four have', () => {
  const map = (entries: [number, number][]) => new Map(entries);
  const [full, without] = [map([[0, 9], [1, 8], [2, 9]]), map([[0, 6], [1, 7], [2, 1]])]; // prettier-ignore
  const [added, baseline] = [map([[0, 5], [1, 5]]), map([[0, 4], [1, 3], [2, 3]])]; // prettier-ignore
  expect(synergyBySeed([full, without], [added, baseline])).toEqual({ seeds: [0, 1], differences: [2, -1] });
});

test('ln Γ at 1, 2, 5 and ½ is 0, 0, ln 24 and ½ ln π', () => {
  expect([1, 2, 5, 0.5].map((x) => Math.exp(logGamma(x)))).toEqual(
    [1, 1, 24, Math.sqrt(Math.PI)].map((x): unknown => expect.closeTo(x, 12)),
  );
});
