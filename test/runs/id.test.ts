import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { canonicalJson, runId, trajectoryVersion, leafDifferences } from '../../src/runs/id.ts';
import { sampleExperiment } from './sample.ts';

const base = sampleExperiment();
const id = (changes: object, seed = 0, fingerprint = 'f') => runId(sampleExperiment(changes), seed, fingerprint);

test('canonical JSON sorts the keys of maps at every depth and leaves lists alone', () => {
  expect(canonicalJson({ b: [{ z: 1, a: 2 }, 1], a: undefined, A: null })).toBe('{"A":null,"b":[{"a":2,"z":1},1]}');
});

test('the id is the SHA-256 of the canonical JSON of what determines the result', () => {
  const { model, dataset, optimizer, train, stop } = base;
  const { every } = base.eval;
  const text = canonicalJson({
    trajectoryVersion,
    model,
    dataset,
    optimizer,
    train,
    stop,
    eval: { every },
    seed: 7,
    fingerprint: 'f',
  });
  expect(runId(base, 7, 'f')).toBe(createHash('sha256').update(text).digest('hex'));
});

test('the order of keys in the config does not matter', () => {
  const reversed = Object.fromEntries(Object.entries(base).reverse()) as typeof base;
  expect(runId(reversed, 0, 'f')).toBe(runId(base, 0, 'f'));
});

describe('is the same', () => {
  test.each<[string, object]>([
    ['under another name', { name: 'other' }],
    ['in a study', { study: { seeds: 5 } }],
    ['logged otherwise', { log: { meters: 1, tensorboard: false } }],
    ['evaluated in other batches', { eval: { batch: 32 } }],
    ['with another seed in the config than the run has', { seed: 3 }],
    ['with a default written out', { optimizer: { lr: 1e-3 } }],
  ])('%s', (_, changes) => expect(id(changes)).toBe(id({})));

  test('with the data elsewhere', () => {
    const at = (root: string) => id({ dataset: { name: 'cifar10', root } });
    expect(at('/data/a')).toBe(at('/data/b'));
  });
});

describe('of images decoded in threads', () => {
  const at = (more: object) => id({ dataset: { name: 'imagenette', root: '/data', ...more } });
  test('is the same for any number of them', () => expect(at({ workers: 4 })).toBe(at({ workers: 0 })));
  test('is another for another size', () => expect(at({ image: 96 })).not.toBe(at({ image: 64 })));
});

test('what differs between two values is told leaf by leaf', () => {
  const [was, is] = [
    { train: { epochs: 5, crop: 1 }, seeds: [0, 1] },
    { train: { epochs: 6, flip: true }, seeds: [0, 1] },
  ];
  expect(leafDifferences(was, is)).toEqual([
    'train.epochs: 5 → 6',
    'train.crop: 1 → absent',
    'train.flip: absent → true',
  ]);
  expect(leafDifferences({ a: undefined }, {}, 'config')).toEqual([]);
});

describe('is another', () => {
  test.each<[string, object]>([
    ['model', { model: { name: 'resnet20' } }],
    ['learning rate', { optimizer: { lr: 2e-3 } }],
    ['switch', { optimizer: { components: { pnm: false } } }],
    ['option of a component', { optimizer: { components: { agc: { clip: 0.02 } } } }],
    ['number of epochs', { train: { epochs: 3, batch: 64 } }],
    ['rhythm of evaluations', { eval: { every: '2 epochs' } }],
    ['rule for stopping', { stop: { stuckAfter: 0.5 } }],
    ['subset', { dataset: { name: 'digits', train: 500 } }],
  ])('with another %s', (_, changes) => expect(id(changes)).not.toBe(id({})));

  test('with another seed or other data', () => {
    expect(new Set([id({}), id({}, 1), id({}, 0, 'g')]).size).toBe(3);
  });
});
