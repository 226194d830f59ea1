/** Data of one's own through the commands: what is replaced is noticed, what is counted is told. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cachePath } from '../../src/data/images/contentCache.ts';
import { ppmTree } from '../data/images/imageTree.ts';
import { temporaryFolder } from '../data/toy.ts';
import { ranger21 } from './ranger21.ts';

const parts = { train: 6, val: 3 };

/** A config for a folder, and how it is run: eighteen images, two steps an epoch. */
function experiment(root: string, dataset: Record<string, unknown> = {}, epochs = 1) {
  const folder = temporaryFolder();
  const path = join(folder, 'own.yaml');
  const config = {
    ...{ model: { name: 'r8-basic' }, dataset: { name: 'imagefolder', root, image: 16, workers: 0, ...dataset } },
    ...{ optimizer: { name: 'ranger21', lr: 1e-2 }, train: { epochs, batch: 9 }, stop: { stuckWithin: 0 } },
    study: { seeds: 1, disable: ['gc'] },
  };
  writeFileSync(path, JSON.stringify(config));
  const common = ['--runs', join(folder, 'runs'), '--backend', 'onnx', '--threads', '1'];
  return {
    runs: join(folder, 'runs'),
    run: (...more: string[]) => ranger21(['run', path, ...common, ...more]),
    ablate: (...more: string[]) => ranger21(['ablate', path, ...common, ...more]),
    schedule: (...more: string[]) => ranger21(['schedule', path, ...more]),
  };
}
const dirOf = ({ stdout }: { stdout: string }) => stdout.trim().split('\n').at(-1)!;

describe('images replaced by others of the same names and sizes', () => {
  test('are another run, and the old ones again the one that is finished', () => {
    const root = ppmTree(parts, { seed: 1 });
    const { run, runs } = experiment(root);
    const first = run();
    expect(first.code, first.stderr).toBe(0);
    expect(first.stderr).toContain('imagefolder: 3 classes, 18 images to train on, 9 to evaluate on: val/');
    expect(readFileSync(join(dirOf(first), 'attempts/1/env.json'), 'utf8')).toContain('"heldOut": "val/"');

    ppmTree(parts, { seed: 2, root });
    const second = run();
    expect(second.code, second.stderr).toBe(0);
    expect(second.stderr).not.toContain('finished before');
    expect(readdirSync(runs)).toHaveLength(2);
    ppmTree(parts, { seed: 1, root });
    expect(run().stderr).toContain(`finished before, nothing to do: ${dirOf(first)}`);
  });

  test('are refused in a study that was begun with the others; its processes read no image again', () => {
    const root = ppmTree(parts, { seed: 1 });
    const { ablate, runs } = experiment(root);
    expect(ranger21(['data', 'verify', 'imagefolder', '--root', root]).code).toBe(0);
    const kept = statSync(cachePath(root)).mtimeMs;
    const first = ablate('--jobs', '2');
    expect(first.code, first.stderr).toBe(0);
    expect(statSync(cachePath(root)).mtimeMs).toBe(kept); // written again by whoever reads an image
    expect(first.stderr.match(/imagefolder: 3 classes/g)).toHaveLength(1);
    ppmTree(parts, { seed: 2, root });
    const again = ablate('--seeds', '2');
    expect(again.code).toBe(2);
    expect(again.stderr).toMatch(/was planned differently\n {2}training data: [0-9a-f]{8}… → [0-9a-f]{8}…/);

    const [study] = readdirSync(runs);
    const plan = JSON.parse(readFileSync(join(runs, study!, 'plan.json'), 'utf8')) as { runs: { path: string }[] };
    const { path } = plan.runs[0]!;
    rmSync(join(runs, study!, path), { recursive: true });
    const planned = ranger21(['train-planned', '--backend', 'onnx', '--', join(runs, study!), path]);
    expect(planned.code).toBe(2);
    expect(planned.stderr).toContain('the data of imagefolder changed since the study was planned');
  });

  test('are not taken for packed already, nor a shard for the one that was packed', () => {
    const root = ppmTree(parts, { seed: 1 });
    const [packed, other] = [join(temporaryFolder(), 'a'), join(temporaryFolder(), 'b')];
    const prepare = (to: string) =>
      ranger21(['data', 'prepare', 'imagefolder', '--from', root, '--root', to, '--format', 'raw']);
    expect(prepare(packed).code).toBe(0);
    expect(prepare(packed).stderr).toContain('is already packed');
    ppmTree(parts, { seed: 2, root });
    const again = prepare(packed);
    expect([again.code, again.stdout]).toEqual([2, '']);
    expect(again.stderr).toContain(`${packed} holds shards of other images`);

    expect(prepare(other).code).toBe(0);
    writeFileSync(join(packed, 'train-00000.shard'), readFileSync(join(other, 'train-00000.shard')));
    const run = experiment(packed).run();
    expect([run.code, run.stdout]).toEqual([5, '']);
    expect(run.stderr).toMatch(/train-00000\.shard has SHA-256 [0-9a-f]{64}, expected/);
  });
});

test('an image that libvips would show black is refused by name, in training and in packing', () => {
  const { decoded, refused } = JSON.parse(readFileSync('test/fixtures/imageFormats.json', 'utf8')) as {
    decoded: Record<string, { bytes: string }>;
    refused: Record<string, { bytes: string }>;
  };
  const zstd = Buffer.from(refused['ZSTD.tif']!.bytes, 'base64');
  const cut = Buffer.from(decoded['by Pillow, RGB.tif']!.bytes, 'base64').subarray(0, -30);
  for (const [name, bytes] of [
    ['zstd.tif', zstd],
    ['cut.tif', cut],
  ] as const) {
    const root = ppmTree(parts);
    const path = join(root, 'train/class0001', name);
    writeFileSync(path, bytes);
    const packed = join(temporaryFolder(), 'packed');
    for (const ended of [
      experiment(root).run(),
      ranger21(['data', 'prepare', 'imagefolder', '--from', root, '--root', packed, '--workers', '0']),
    ]) {
      expect(ended.code).toBe(2);
      expect(ended.stderr).toContain(`error: ${path} cannot be decoded: `);
    }
    expect(existsSync(join(packed, 'shards.json'))).toBe(false);
  }
});

describe('what is there is counted', () => {
  test('a dry run of 1,000 classes with an image each has 1,000 images, not those of ILSVRC, and prints no id', () => {
    const root = ppmTree({ train: 1, val: 1 }, { classes: 1000 });
    const { run, runs, schedule } = experiment(root, {}, 10);
    const dry = run('--dry-run', '--json');
    expect(dry.code, dry.stderr).toBe(0);
    expect(JSON.parse(dry.stdout)).toMatchObject({
      data: { classes: 1000, train: 1000, test: 1000, heldOut: 'val/' },
      ...{ stepsPerEpoch: 111, steps: 1110 },
    });
    expect(Object.keys(JSON.parse(dry.stdout) as object)).not.toContain('id');
    expect(existsSync(runs)).toBe(false);
    expect(JSON.parse(schedule('--json').stdout)).toMatchObject({ stepsPerEpoch: 111, totalSteps: 1110 });
  });

  test('valid is evaluated on where there is test, too, and class folders alone need dataset.split', () => {
    const root = ppmTree({ train: 6, valid: 2, test: 4 });
    const run = experiment(root).run();
    expect(run.code, run.stderr).toBe(0);
    expect(run.stderr).toContain('18 images to train on, 6 to evaluate on: valid/');

    const flat = ppmTree({ '': 12 });
    const refused = experiment(flat).run();
    expect([refused.code, refused.stdout]).toEqual([2, '']);
    expect(refused.stderr).toContain('set dataset.split, to 0.2 say');
    const split = experiment(flat, { split: 0.25 }).run();
    expect(split.code, split.stderr).toBe(0);
    expect(split.stderr).toContain('to evaluate on: 25 % of each class, by file name');
    expect(readFileSync(join(dirOf(split), 'attempts/1/env.json'), 'utf8')).toContain('25 % of each class');
    expect(readFileSync(join(dirOf(split), 'config.yaml'), 'utf8')).toMatch(/^ {2}split: 0\.25$/m);
  });

  test('options for images are refused where the data set has none', () => {
    for (const args of [
      ['prepare', 'mnist', '--split', '0.2'],
      ['verify', 'digits', '--classes', '10'],
    ]) {
      const { code, stderr } = ranger21(['data', ...args]);
      expect(code).toBe(2);
      expect(stderr).toContain(`${args[2]} is for sets of image files, and ${args[1]} is none`);
    }
  });
});
