import { describe, expect, test } from 'vitest';
import { runDifference, type ReadRun } from '../../../src/experiment/compare/runDifference.ts';
import { differenceText } from '../../../src/report/differenceText.ts';
import { sampleExperiment, sampleResult, sampleStep } from '../../runs/sample.ts';

const read = (changes: Partial<ReadRun> & { config?: object } = {}): ReadRun => {
  const result = sampleResult({ code: 'c0'.repeat(32), weights: 'aa'.repeat(32) });
  return {
    entry: { dir: '/a', path: 'a', state: 'completed', id: 'a', seed: 0, attempts: 0, result },
    saved: {},
    steps: [1, 2, 3].map((step) => sampleStep(step)),
    evaluations: [{ step: 3, epoch: 1, loss: 0.5, top1: 0.75 }],
    ...changes,
    config: changes.config ?? sampleExperiment(),
  };
};

test('two readings of one run are equal, however long its steps took', () => {
  const difference = runDifference(
    read(),
    read({ steps: [1, 2, 3].map((step) => sampleStep(step, { ms: 7 * step })) }),
  );
  expect(difference).toMatchObject({ equal: true, config: [], facts: [], beside: [] });
  expect(differenceText(difference)).toContain('metrics.jsonl: equal in every number of 3 steps');
});

test('the first step at which they part, with each key, and where each is furthest apart', () => {
  const other = [
    sampleStep(1),
    sampleStep(2, { loss: 2.5, meters: { 'agc/clippedShare': 0.5 } }),
    sampleStep(3, { loss: 1.25, gradNorm: NaN }),
  ];
  const { metrics, equal } = runDifference(read(), read({ steps: other }));
  expect(equal).toBe(false);
  expect(metrics.first).toEqual({
    step: 2,
    keys: [
      { key: 'loss', a: 2.25, b: 2.5, difference: 0.25 },
      { key: 'meters/agc/clippedShare', a: undefined, b: 0.5, difference: undefined },
    ],
  });
  expect(metrics.largest).toEqual([
    { key: 'gradNorm', a: 3, b: NaN, difference: Infinity, step: 3 },
    { key: 'loss', a: 2.25, b: 1.25, difference: 1, step: 3 },
    { key: 'meters/agc/clippedShare', a: undefined, b: 0.5, difference: undefined, step: 2 },
  ]);
});

test('NaN is equal to NaN, and a step that only one has is the first difference', () => {
  const nan = [1, 2, 3].map((step) => sampleStep(step, { loss: NaN }));
  expect(runDifference(read({ steps: nan }), read({ steps: nan })).equal).toBe(true);
  const { metrics } = runDifference(read(), read({ steps: read().steps.slice(0, 2) }));
  expect(metrics).toMatchObject({ lines: [3, 2], first: { step: 3, keys: [] }, largest: [] });
});

describe('what counts as a difference', () => {
  test.each<[string, ReadRun, object]>([
    [
      'a value that determines the result',
      read({ config: sampleExperiment({ seed: 1 }) }),
      { config: [{ key: 'seed', a: 0, b: 1 }] },
    ],
    [
      'other code',
      read({ entry: { ...read().entry, result: { ...read().entry.result!, code: 'd0'.repeat(32) } } }),
      { facts: [{ key: 'code', a: 'c0'.repeat(32), b: 'd0'.repeat(32) }] },
    ],
    [
      'another number of threads',
      read({
        entry: {
          ...read().entry,
          result: { ...read().entry.result!, backend: { name: 'onnx', detail: 'CPU', threads: 4 } },
        },
      }),
      { facts: [{ key: 'engine.threads', a: 2, b: 4 }] },
    ],
    [
      'another evaluation',
      read({ evaluations: [{ step: 3, epoch: 1, loss: 0.5, top1: 0.5 }] }),
      { evaluations: { first: { step: 3 } } },
    ],
  ])('%s', (_, other, expected) => expect(runDifference(read(), other)).toMatchObject({ equal: false, ...expected }));

  test('not how often a run is saved, nor its name, which are told all the same', () => {
    const other = sampleExperiment({ name: 'other', checkpoint: { every: '2 minutes' } });
    const { equal, beside } = runDifference(read(), read({ config: other }));
    expect(equal).toBe(true);
    expect(beside).toEqual([
      { key: 'name', a: 'sample', b: 'other' },
      { key: 'checkpoint.every', a: '1 minute', b: '2 minutes' },
    ]);
  });

  test('of an unfinished run, what its checkpoint says', () => {
    const { result: _, ...entry } = { ...read().entry, state: 'interrupted' as const };
    const half = read({ entry, saved: { code: 'c0'.repeat(32), data: 'fe'.repeat(32) } });
    expect(runDifference(read(), half).facts.map(({ key }) => key)).not.toContain('code');
    expect(runDifference(read(), half).facts[0]).toEqual({ key: 'status', a: 'completed', b: 'interrupted' });
  });
});
