import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { configCommand } from '../../src/cli/commands/config.ts';
import { scheduleCommand } from '../../src/cli/commands/schedule.ts';
import { minimal, write } from './tempConfigs.ts';

let out = '';
let err = '';
beforeEach(() => {
  [out, err] = ['', ''];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += String(text)), true));
  vi.spyOn(console, 'log').mockImplementation((text) => void (out += `${text}\n`));
  vi.spyOn(console, 'error').mockImplementation((text) => void (err += `${text}\n`));
});
afterEach(() => vi.restoreAllMocks());

const config = (...argv: string[]) => configCommand().parseAsync(argv, { from: 'user' });
const schedule = (...argv: string[]) => scheduleCommand().parseAsync(argv, { from: 'user' });

describe('config', () => {
  test('print, as YAML and as JSON', async () => {
    await config('print', 'configs/digits-resnet.yaml', '--set', 'optimizer.lr=0.5');
    expect(out).toContain('\n  lr: 0.5\n');
    out = '';
    await config('print', 'configs/digits-resnet.yaml', '--set', 'optimizer.lr=0.5', '--json');
    expect(JSON.parse(out)).toMatchObject({ name: 'digits-resnet', optimizer: { lr: 0.5 } });
  });

  test('print --origin', async () => {
    const argv = ['print', 'configs/digits-resnet.yaml', '--set', 'seed=4', '--origin'];
    await config(...argv);
    expect(out).toMatch(/^seed: 4 +# --set seed=4$/m);
    expect(out).toMatch(/^ {2}name: digits +# configs\/base\/digits\.yaml:\d+:18$/m);
    out = '';
    await config(...argv, '--json');
    expect(JSON.parse(out)).toMatchObject({
      files: ['configs/base/digits.yaml', 'configs/digits-resnet.yaml'],
      origin: { seed: '--set seed=4', 'stop.stuckAfter': 'default' },
    });
  });

  test('validate goes through all files before it fails', async () => {
    const dir = write({
      'a.yaml': minimal,
      'b.yaml': minimal.replace('lr', 'lrr'),
      'c.yaml': minimal.replace('2', '0'),
    });
    const files = ['a', 'b', 'c'].map((name) => `${dir}/${name}.yaml`);
    await expect(config('validate', ...files)).rejects.toThrow(
      /b\.yaml:3:14 {2}optimizer\.lrr: unknown(.|\n)*c\.yaml:4:18 {2}train\.epochs: must/,
    );
    expect(out).toBe(`${dir}/a.yaml: valid\n`);
  });

  test('schema', async () => {
    await config('schema');
    expect(JSON.parse(out)).toMatchObject({ title: 'ranger21 experiment', additionalProperties: false });
  });
});

describe('schedule', () => {
  test('summary and plot on stdout, warnings on stderr', async () => {
    await schedule(
      'configs/digits-resnet.yaml',
      '--set',
      'train={ epochs: 10, batch: 64 }',
      '--set',
      'optimizer.lr=0.01',
      '--ascii',
    );
    expect(out.split('\n').slice(0, 4)).toEqual([
      'digits-resnet: 220 steps, 10 epochs of 22',
      'warm-up     full rate 0.01 from step 48 (epoch 2.18)',
      'warm-down   rate falls from step 158 (epoch 7.18)',
      'last step   rate 0.00003',
    ]);
    expect(out).toContain('#'.repeat(20));
    expect(err).toBe(
      'warning: short run: a warm-up of 2,000 steps, 2/(1 − β₂), does not fit 220; it takes 22 % of them, 48\n',
    );
  });

  test('--csv has every step', async () => {
    await schedule(
      'configs/digits-resnet.yaml',
      '--set',
      'train={ epochs: 10, batch: 64 }',
      '--set',
      'optimizer={ name: adamw, lr: 0.5 }',
      '--unset',
      'optimizer',
      '--csv',
    );
    const lines = out.trimEnd().split('\n');
    expect(lines.slice(0, 3)).toEqual(['step,epoch,lr', '1,0.045454545454545456,0.5', '2,0.09090909090909091,0.5']);
    expect(lines).toHaveLength(221);
    expect(lines.at(-1)).toBe('220,10,0.5');
  });

  test('--json has the milestones', async () => {
    await schedule('configs/imagenet-nfresnet.yaml', '--images', '1281167', '--json');
    expect(JSON.parse(out)).toMatchObject({
      stepsPerEpoch: 5004,
      totalSteps: 300_240,
      warmupEnd: 2000,
      warmdownStart: 216_172,
    });
  });

  test('counts the images of a folder, and asks for their number where there is none', async () => {
    const dir = write({ 'x.yaml': minimal.replace('digits', 'imagefolder') });
    await expect(schedule(`${dir}/x.yaml`)).rejects.toMatchObject({
      message: 'dataset.root is not set for imagefolder',
      remedy: expect.stringContaining('--images 1281167') as string,
    });
    await schedule(`${dir}/x.yaml`, '--images', '640', '--json');
    expect(JSON.parse(out)).toMatchObject({ totalSteps: 20 });

    for (const file of ['train/a/1', 'train/a/2', 'train/b/1', 'val/a/1', 'val/b/1']) {
      mkdirSync(dirname(`${dir}/${file}`), { recursive: true });
      writeFileSync(`${dir}/${file}.png`, 'no image: only its name counts');
    }
    out = '';
    await schedule(`${dir}/x.yaml`, '--set', `dataset.root=${dir}`, '--set', 'train.batch=1', '--json');
    expect(JSON.parse(out)).toMatchObject({ stepsPerEpoch: 3, totalSteps: 6 });
  });
});
