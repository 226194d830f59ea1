import { describe, expect, test } from 'vitest';
import { imageTree } from '../data/images/imageTree.ts';
import { ranger21, temporary } from './ranger21.ts';

const warnings = (stderr: string) => stderr.split('\n').filter((line) => line.startsWith('warning: '));
const set = (...values: string[]) => values.flatMap((value) => ['--set', value]);
const tiny = set('dataset.train=32', 'dataset.test=20', 'train.batch=8', 'train.epochs=2', 'stop.stuckWithin=0');
const short = 'warning: short run: a warm-up of 2,000 steps, 2/(1 − β₂), does not fit 8; it takes 22 % of them, 1';

describe('what may surprise in a schedule is told on stderr before training', () => {
  test('by run, as by schedule, and not again where nothing is trained', () => {
    const args = ['configs/digits-nfresnet.yaml', ...tiny];
    const run = ['run', ...args, '--runs', temporary()];
    const { code, stderr, stdout } = ranger21(run);
    expect(code, stderr).toBe(0);
    expect(stdout).not.toContain('warning');
    expect(warnings(stderr)).toEqual([short]);
    expect(stderr.indexOf(short)).toBeLessThan(stderr.indexOf('epoch 1.0'));
    expect(warnings(ranger21(['schedule', ...args]).stderr)).toEqual([short]);
    expect(warnings(ranger21(['run', ...args, '--dry-run', '--json']).stderr)).toEqual([short]);
    expect(warnings(ranger21(run).stderr)).toEqual([]);
  });

  test('by ablate, once, with the arms', () => {
    const args = ['ablate', '--disable', 'pnm', '--seeds', '1', ...tiny, '--runs', temporary()];
    const which = ' (all arms but adamw)';
    expect(warnings(ranger21([...args, '--plan']).stderr)).toEqual([short + which]);
    const { stderr } = ranger21(args);
    expect(warnings(stderr)).toEqual([short + which]);
    expect(stderr.indexOf(short)).toBeLessThan(stderr.indexOf('[1/4]'));
    expect(warnings(ranger21(args).stderr)).toEqual([]);
  });

  test('on the images that the data set has, which may be known from its files only', () => {
    // 3 classes of 8 training images: 24, in batches of 6 four steps
    const dataset = `dataset={ name: imagefolder, classes: 3, root: ${JSON.stringify(imageTree())}, image: 28 }`;
    const values = set(dataset, 'train={ batch: 6, epochs: 1, augment: { crop: 0 } }', 'stop.stuckWithin=0');
    const unset = ['--unset', 'dataset.train', '--unset', 'dataset.test'];
    const { code, stderr } = ranger21([
      ...['run', 'configs/synthetic-smoke.yaml', ...values, ...unset, '--runs', temporary()],
    ]);
    expect(code, stderr).toBe(0);
    expect(warnings(stderr)).toEqual(['warning: no warm-up: 22 % of 4 steps is less than one']);
  });
});
