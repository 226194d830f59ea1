import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadExperiment } from '../../../src/config/load.ts';
import { expectations } from '../../../src/experiment/compare/expectations.ts';
import { expectationLine } from '../../../src/report/expectText.ts';
import { runId } from '../../../src/runs/id.ts';
import { sampleExperiment, sampleResult } from '../../runs/sample.ts';

const result = (seed: number, top1: number, changes = {}) =>
  sampleResult({ seed, last: { step: 40, epoch: 2, loss: 1 - top1, top1 }, ...changes });
const source = 'a paper';

test('every run has to be within the bounds; the mean and its interval stand beside', () => {
  const runs = [result(0, 0.98), result(1, 0.97), result(2, 0.96)];
  const [top1, loss] = expectations({ testTop1: { atLeast: 0.96 }, testLoss: { atMost: 0.035 }, source }, runs);
  expect(top1).toMatchObject({ metric: 'testTop1', n: 3, met: true });
  expect(top1!.mean).toBeCloseTo(0.97, 12);
  // t(0.975; 2) = 4.302653, s = 0.01
  expect(top1!.interval![1] - 0.97).toBeCloseTo((4.302653 * 0.01) / Math.sqrt(3), 7);
  expect(loss!.observed.map(({ seed, met }) => [seed, met])).toEqual([
    [0, true],
    [1, true],
    [2, false],
  ]);
  expect(loss!.met).toBe(false);
  expect(expectationLine(top1!)).toBe(
    'testTop1 ≥ 0.96: met by all 3 runs, 0.9600 … 0.9800, mean 0.9700 [95 % t 0.9452, 0.9948]',
  );
  expect(expectationLine(loss!)).toMatch(/^testLoss ≤ 0.035: NOT MET, 2 of 3 runs within, 0.0200 … 0.0400/);
});

test('one run has no interval, none is not met, and a failed one meets nothing', () => {
  const bounds = { testTop1: { atLeast: 0.9, atMost: 0.99 }, source };
  const [one] = expectations(bounds, [result(4, 0.8)]);
  expect(one).toMatchObject({ interval: null, met: false, n: 1 });
  expect(expectationLine(one!)).toBe('testTop1 ≥ 0.9 and ≤ 0.99: NOT MET, 0.8000 (seed 4)');
  expect(expectations(bounds, [])[0]).toMatchObject({ met: null, mean: null });
  const [failed] = expectations(bounds, [result(0, 0.95), result(1, NaN, { status: 'diverged' })]);
  expect(failed).toMatchObject({ met: false, mean: null, interval: null });
  expect(expectations(bounds, [result(0, 0.95, { status: 'timeout' })])[0]!.met).toBe(false);
});

describe('the block in a config', () => {
  const dir = mkdtempSync(join(tmpdir(), 'ranger21-expect-'));
  const base = 'model: { name: r8-basic }\ndataset: { name: digits }\noptimizer: {}\ntrain: { epochs: 2, batch: 64 }\n';
  const load = (text: string, name = 'net.yaml') => {
    writeFileSync(join(dir, name), text);
    return loadExperiment(join(dir, name));
  };

  test('is no part of what a run is', async () => {
    const { experiment } = await load(`${base}expect: { testTop1: { atLeast: 0.9 }, source: a paper }\n`);
    expect(experiment.expect).toEqual({ testTop1: { atLeast: 0.9 }, source: 'a paper' });
    const { expect: _, ...without } = experiment;
    expect(runId(experiment, 0, 'f')).toBe(runId(without, 0, 'f'));
  });

  test('is not inherited: a config that extends this one may be another experiment', async () => {
    await load(`${base}expect: { testTop1: { atLeast: 0.9 }, source: a paper }\n`);
    const { experiment } = await load('extends: net.yaml\ntrain: { epochs: 1 }\n', 'shorter.yaml');
    expect(experiment).not.toHaveProperty('expect');
    expect(experiment.train).toMatchObject({ epochs: 1, batch: 64 });
  });

  test.each([
    ['{ source: x }', 'expects nothing: give testTop1, bestTop1, testTop5, testLoss'],
    ['{ testTop1: {}, source: x }', 'give atLeast, atMost or both'],
    ['{ testLoss: { atLeast: 2, atMost: 1 }, source: x }', 'nothing is at least 2 and at most 1'],
    ['{ testTop1: { atLeast: 0.9 } }', 'source'],
    ['{ testTop1: { atLeast: 97 }, source: x }', 'testTop1.atLeast'],
    [
      '{ top1: { atLeast: 0.9 }, source: x }',
      'expect.top1: unknown key; expect takes testTop1, bestTop1, testTop5, testLoss, source',
    ],
  ])('%s is refused', async (block, message) => {
    await expect(load(`${base}expect: ${block}\n`)).rejects.toThrow(message);
  });

  test('the sample has none', () => expect(sampleExperiment()).not.toHaveProperty('expect'));
});
