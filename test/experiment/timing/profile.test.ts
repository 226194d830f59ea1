import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { chromeTrace, profile, summed, WARM_UP } from '../../../src/experiment/timing/profile.ts';
import { begin, hasListeners, listen, type Part, type Span } from '../../../src/spans.ts';
import type { BackendName } from '../../../src/tensor/backends/registry.ts';
import { imageTree, openTree } from '../../data/images/imageTree.ts';
import '../../data/threads.ts';
import { datasets } from '../../../src/data/registry.ts';
import { compiling } from '../../backends.ts';
import { digits, engineOf, temporary } from '../trainDigits.ts';

const span = (part: Part, start: number, end: number, thread = 'training loop'): Span => ({ part, thread, start, end });

/** Turns of 10 ms, one every 12 ms, after five that do not count; step k waits k ms, copies 1, computes 4, reads for 0.5. */
const heard: Span[] = [
  ...Array.from({ length: WARM_UP }, (_, i) => [
    span('turn', 1000 * i, 1000 * i + 999),
    span('compute', 1000 * i, 1000 * i + 998),
    span('decode', 1000 * i, 1000 * i + 900, 'decoding thread 1'),
  ]).flat(),
  ...[1, 2, 3].flatMap((k) => {
    const at = 10_000 + 12 * k;
    return [
      span('wait', at, at + k),
      span('transfer', at + k, at + k + 1),
      span('decode', at, at + 6, 'decoding thread 1'),
      span('decode', at, at + 3, 'decoding thread 2'),
      span('augment', at + 6, at + 7, 'decoding thread 1'),
      span('augment', at + 3, at + 4, 'decoding thread 2'),
      span('compute', at + k + 1, at + k + 5, 'device'),
      span('read back', at + k + 5, at + k + 5.5, 'device'),
      span('compute', at + 11, at + 11.5, 'device'), // an evaluation between two turns
      span('turn', at, at + 10),
    ];
  }),
];
const about = { name: 'x', backend: 'b', batch: 8, optimizerMs: 3.5 };

describe('adding up', () => {
  test('the parts of the loop make the step; what others do is told beside it', () => {
    expect(summed(heard, about)).toEqual({
      ...{ schema: 1, name: 'x', backend: 'b', batch: 8, steps: 3, stepMs: 10 },
      loop: { wait: 2, transfer: 1, compute: 4, readBack: 0.5, rest: 2.5 },
      optimizerMs: 3.5,
      meanwhile: { order: 0, read: 0, decode: 9, augment: 2 },
      threads: ['decoding thread 1', 'decoding thread 2'],
    });
  });
});

test('a trace: complete events in microseconds, a row a thread, each row named', () => {
  const spans = [span('turn', 100, 110), span('decode', 98, 99.5, 'decoding thread 1')];
  expect(chromeTrace(spans)).toEqual({
    displayTimeUnit: 'ms',
    traceEvents: [
      { ph: 'M', name: 'thread_name', pid: 1, tid: 0, args: { name: 'training loop' } },
      { ph: 'M', name: 'thread_name', pid: 1, tid: 1, args: { name: 'decoding thread 1' } },
      { ph: 'X', name: 'turn', cat: 'step', pid: 1, tid: 0, ts: 2000, dur: 10_000 },
      { ph: 'X', name: 'decode', cat: 'step', pid: 1, tid: 1, ts: 0, dur: 1500 },
    ],
  });
});

test('nobody listens: nothing is told; somebody stops listening: likewise', () => {
  expect(hasListeners()).toBe(false);
  begin('wait')();
  const told: Span[] = [];
  const stop = listen((one) => told.push(one));
  begin('wait')();
  stop();
  begin('compute')();
  expect(told.map(({ part, thread }) => [part, thread])).toEqual([['wait', 'training loop']]);
  expect(told[0]!.end).toBeGreaterThanOrEqual(told[0]!.start);
});

describe.each(compiling)('a training on $name', ({ name }) => {
  const never = new AbortController().signal;
  const set = ['train.batch=8', 'train.epochs=1', 'log.meters=0', 'eval.every=1 steps'];

  test('is listened to for as many steps as asked, without evaluations', async () => {
    const experiment = await digits('nfresnet', 'dataset.train=400', 'dataset.test=30', ...set);
    const dataset = await datasets.digits.load(experiment.dataset);
    const dir = join(temporary(), 'run');
    const heard = await profile(experiment, dataset, dir, await engineOf(name as BackendName), {
      steps: 7,
      signal: never,
    });
    const { profile: found, spans } = heard!;
    const { wait, transfer, compute, readBack, rest } = found.loop;
    expect([found.steps, found.batch, found.threads]).toEqual([7, 8, ['training loop']]);
    expect(wait + transfer + compute + readBack + rest).toBeCloseTo(found.stepMs, 6);
    for (const ms of [transfer, compute, rest, found.meanwhile.augment]) expect(ms).toBeGreaterThan(0);
    expect(found.optimizerMs ?? 1).toBeGreaterThan(0);
    expect(found.meanwhile.decode).toBe(0);
    expect(spans.filter(({ part }) => part === 'turn').length).toBe(WARM_UP + 7);
    expect(spans.filter(({ part }) => part === 'compute').length).toBeLessThan(2 * (WARM_UP + 7)); // with the merges
    expect(readdirSync(dir)).not.toContain('result.json');
    expect(hasListeners()).toBe(false);
  });

  test('stopped while it warms up has nothing to tell', async () => {
    const experiment = await digits('nfresnet', 'dataset.train=400', 'dataset.test=30', ...set);
    const dataset = await datasets.digits.load(experiment.dataset);
    const stop = new AbortController();
    const asked = profile(experiment, dataset, join(temporary(), 'run'), await engineOf(name as BackendName), {
      steps: 7,
      signal: stop.signal,
      onStep: ({ step }) => void (step === 2 && stop.abort()),
    });
    expect(await asked).toBeUndefined();
  });

  test('too short to be listened to', async () => {
    const experiment = await digits('nfresnet', 'dataset.train=40', 'dataset.test=30', ...set);
    const dataset = await datasets.digits.load(experiment.dataset);
    const asked = profile(experiment, dataset, join(temporary(), 'run'), await engineOf(name as BackendName), {
      steps: 7,
      signal: never,
    });
    await expect(asked).rejects.toThrow('a training of 5 steps is too short: 5 of them do not count');
  });
});

test('decoding threads are heard', async () => {
  const { dataset } = await openTree(imageTree(), { workers: 2 });
  const base = await digits('resnet', 'train.batch=4', 'train.epochs=2', 'train.augment.crop=0', 'log.meters=0');
  const dir = join(temporary(), 'run');
  const heard = await profile(base, dataset, dir, await engineOf('onnx'), {
    steps: 6,
    signal: new AbortController().signal,
  });
  const { profile: found, spans } = heard!;
  expect(found.threads).toEqual(['decoding thread 1', 'decoding thread 2']);
  for (const ms of [found.meanwhile.read, found.meanwhile.decode, found.meanwhile.augment])
    expect(ms).toBeGreaterThan(0);
  const images = spans.filter(({ part }) => part === 'decode').length;
  expect(spans.filter(({ part }) => part === 'augment').length).toBe(images);
  expect(images).toBeGreaterThanOrEqual(4 * 11);
});
