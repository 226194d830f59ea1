import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { MemoryDataset } from '../../src/data/dataset.ts';
import { datasets } from '../../src/data/registry.ts';
import { execute } from '../../src/experiment/execute.ts';
import { chanceOf, labelCounts, priorOf, priorScores } from '../../src/experiment/guessing.ts';
import type { RunResult } from '../../src/runs/metrics.ts';
import { digits, engineOf, temporary } from './trainDigits.ts';

/**
 * Lowest `torch.nn.functional.cross_entropy(z, labels, label_smoothing=ε)` over logits z that are the same for every label, found by
 * LBFGS in float64 (PyTorch 2.13), and the loss of each label there.
 */
const fromTorch: readonly [counts: number[], smoothing: number, lowest: number, each: number[]][] = [
  [[95, 5], 0, 0.1985152433458725, [0.05129329438763697, 2.995732273552348]],
  [[95, 5], 0.1, 0.31395585023165257, [0.21252323788723432, 2.2411754847756]],
  [[10, 10, 10, 10], 0.1, 1.3862943611198904, Array<number>(4).fill(1.3862943611198906)],
  [[50, 30, 15, 5, 0], 0, 1.1421200429885787, [0.6931471795148917, 1.2039728055177967, 1.897119985685869, 2.9957322744582697]],
  [[50, 30, 15, 5, 0], 0.1, 1.2587247336700778, [0.8895726881308801, 1.3241392829153071, 1.8879495080022726, 2.670083570594096]],
]; // prettier-ignore

describe('the prior of the labels', () => {
  test.each(fromTorch)('%j with smoothing %f loses what PyTorch’s best constant logits lose', (counts, smoothing, lowest, each) => {
    const prior = priorOf(counts, smoothing);
    expect(Math.abs(prior.entropy - lowest)).toBeLessThan(1e-12);
    each.forEach((loss, label) => expect(Math.abs(prior.losses[label]! - loss), `${label}`).toBeLessThan(1e-6));
    // over all training labels the mean is the entropy
    const all = counts.flatMap((count, label) => Array<number>(count).fill(label));
    expect(Math.abs(priorScores(prior, all).loss - lowest)).toBeLessThan(1e-12);
  }); // prettier-ignore

  test('scores on a batch what its labels give, and names the commonest class of the training images', () => {
    const prior = priorOf([5, 95], 0);
    const scores = priorScores(prior, [1, 1, 0, 1]);
    expect(scores.top1).toBe(0.75);
    expect(scores.loss).toBeCloseTo((3 * 0.05129329438763697 + 2.995732273552348) / 4, 12);
  });
});

test('chance: ln C and the entropy for the loss, the share of the commonest held-out class for top-1', () => {
  const chance = chanceOf({ train: [95, 5], test: [30, 10] }, 0);
  expect(chance.uniformLoss).toBeCloseTo(0.6931471805599453, 14);
  expect(chance.priorLoss).toBeCloseTo(0.1985152433458725, 14);
  expect(chance.top1).toBe(0.75);
  const balanced = chanceOf({ train: [7, 7, 7], test: [2, 2, 2] }, 0);
  expect([balanced.priorLoss, balanced.top1]).toEqual([balanced.uniformLoss, 1 / 3]);
});

test('labels are counted after a subset is taken: 1,437 digits, of which 100', async () => {
  const counts = async (options: object) => labelCounts(await datasets.digits.load(options));
  expect((await counts({})).train.reduce((a, b) => a + b)).toBe(1437);
  const { train, test } = await counts({ train: 100, test: 20 });
  expect([train.reduce((a, b) => a + b), test.reduce((a, b) => a + b)]).toEqual([100, 20]);
  expect(Math.max(...train) - Math.min(...train)).toBeLessThan(3); // stratified
});

/** Images of two classes, 19 to 1, 8×8: each the same grey, or the rare ones bright. */
async function rareClass(isTellable: boolean): Promise<MemoryDataset> {
  const split = (count: number) => {
    const labels = Uint8Array.from({ length: count }, (_, i) => Number(i % 20 === 7));
    const images = new Uint8Array(count * 64);
    labels.forEach((label, i) => images.fill(isTellable && label === 1 ? 16 : 4, i * 64, (i + 1) * 64));
    return { count, images, labels };
  };
  const about = await datasets.digits.load({});
  const fingerprint = (isTellable ? 'a' : 'b').repeat(64);
  return { ...about, classes: 2, classNames: ['common', 'rare'], train: split(400), test: split(100), fingerprint };
}

describe('of classes 19 to 1, a run', () => {
  const settings = [
    ...['optimizer.name=adamw', 'optimizer.lr=1e-2', 'optimizer.components=[]', 'train.epochs=4', 'train.batch=20'],
    ...['log.meters=0', 'train.augment.crop=0', 'eval.batch=100'],
  ];
  const trained = async (isTellable: boolean, ...set: string[]): Promise<RunResult> => {
    const experiment = await digits('nfresnet', ...settings, ...set);
    const dataset = await rareClass(isTellable);
    const outcome = await execute(experiment, dataset, join(temporary(), 'run'), await engineOf('onnx'), {});
    return (outcome as { result: RunResult }).result;
  };

  test.each([[0], [0.1]])('whose images all look alike is stuck, with label smoothing %f', async (smoothing) => {
    const result = await trained(false, `train.labelSmoothing=${smoothing}`);
    expect(result).toMatchObject({ status: 'stuck', steps: 32, last: { top1: 0.95 }, chance: { top1: 0.95 } });
    expect(result.reason).toContain('what the shares of the classes alone give');
  });

  test('that comes to the shares of the classes only after the rule has looked is stuck at its end', async () => {
    const result = await trained(false, 'optimizer.lr=1e-3');
    expect(result).toMatchObject({ status: 'stuck', steps: 80, last: { top1: 0.95 } });
  });

  test('that learns to tell them is not stuck, though its loss passes the shares’ on the way down', async () => {
    const result = await trained(true, 'optimizer.lr=1e-3');
    expect(result).toMatchObject({ status: 'completed', steps: 80, last: { top1: 1 } });
  });
});
