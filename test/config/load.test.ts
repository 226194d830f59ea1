import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadExperiment } from '../../src/config/load.ts';
import { datasetNames } from '../../src/data/registry.ts';
import { UserError } from '../../src/errors.ts';
import { complaint, load, minimal, problems } from './tempConfigs.ts';

describe('a config', () => {
  test('is named after its file unless it says otherwise', async () => {
    expect((await load({ 'x.yaml': minimal })).experiment.name).toBe('x');
    expect((await load({ 'x.yaml': `name: y\n${minimal}` })).experiment.name).toBe('y');
  });

  test('has the documented defaults', async () => {
    const { experiment } = await load({ 'x.yaml': minimal });
    expect(experiment).toMatchObject({
      model: { name: 'r8-basic' },
      train: { labelSmoothing: 0, augment: { crop: 0, flip: false } },
      eval: { every: '1 epoch', batch: 256 },
      seed: 0,
    });
    expect(experiment.study).toBeUndefined();
  });

  test('takes components as a list: exactly these', async () => {
    const { experiment } = await load({
      'x.yaml': `${minimal}`.replace('lr: 1e-3', 'lr: 1e-3, components: [pnm, agc]'),
    });
    const on = Object.entries(experiment.optimizer.components).filter(([, options]) => options !== false);
    expect(on.map(([name]) => name)).toEqual(['agc', 'pnm']);
  });
});

describe('every problem of a config is told at once, with place, path and what was meant', () => {
  test('with frames', async () => {
    const text = `model: { name: nf-r8-basic, preset: timm }
dataset: { name: digits }
optimizer:
  lr: abc
  wieghtDecay: 1e-4
train: { epochs: 0, batch: 64 }
seed: 1
seed: 2
`;
    expect(await complaint({ 'x.yaml': text })).toBe(`x.yaml is not a valid experiment: 5 problems
x.yaml:1:37  model.preset: expected deepmind, timm045 or timmLatest, got string "timm"; did you mean timm045?
  > 1 | model: { name: nf-r8-basic, preset: timm }
      |                                     ^^^^
x.yaml:4:7  optimizer.lr: expected number, got string "abc"
    3 | optimizer:
  > 4 |   lr: abc
      |       ^^^
x.yaml:5:3  optimizer.wieghtDecay: unknown key; did you mean weightDecay?
    4 |   lr: abc
  > 5 |   wieghtDecay: 1e-4
      |   ^^^^^^^^^^^
x.yaml:6:18  train.epochs: must be at least 1, got number 0
    5 |   wieghtDecay: 1e-4
  > 6 | train: { epochs: 0, batch: 64 }
      |                  ^
x.yaml:8:1  seed: duplicate key, first given at 7:1
    7 | seed: 1
  > 8 | seed: 2
      | ^^^^
fix: correct the places above; \`ranger21 config schema\` prints every key`);
  });

  const changed = (from: string, to: string) => ({ 'x.yaml': minimal.replace(from, to) });
  const cases: [string, Record<string, string>, string[]][] = [
    [
      'a misspelt block',
      changed('train:', 'trian:'),
      ['x.yaml:1:1  train: missing, expected a map', 'x.yaml:4:1  trian: unknown key; did you mean train?'],
    ],
    [
      'a key of another block',
      changed('model', 'batch: 3\nmodel'),
      ['x.yaml:1:1  batch: unknown key; did you mean train.batch or eval.batch?'],
    ],
    [
      'an option of another model',
      changed('r8-basic', 'r8-basic, preset: deepmind'),
      ['x.yaml:1:26  model.preset: unknown key; r8-basic takes name, stem, padding, zeroGamma, headInit'],
    ],
    [
      'an option of no component',
      changed('lr: 1e-3', 'components: { agc: { clp: 0.1 } }'),
      ['x.yaml:3:35  optimizer.components.agc.clp: unknown key; did you mean clip?'],
    ],
    [
      'an unknown component',
      changed('lr: 1e-3', 'components: { pmn: true }'),
      ['x.yaml:3:28  optimizer.components.pmn: unknown key; did you mean pnm?'],
    ],
    [
      'an unknown component in a list',
      changed('lr: 1e-3', 'components: [agc, pmn]'),
      ['x.yaml:3:32  optimizer.components.pmn: unknown key; did you mean pnm?'],
    ],
    [
      'a component of the wrong type',
      changed('lr: 1e-3', 'components: { agc: 3 }'),
      ['x.yaml:3:33  optimizer.components.agc: expected true, false or a map, got number 3'],
    ],
    [
      'a component the core cannot honour',
      changed('lr: 1e-3', 'core: madgrad, components: { pnm: true }'),
      [
        'x.yaml:3:48  optimizer.components.pnm: madgrad has no momentum slot: set components.pnm: false, or core: adamw',
      ],
    ],
    [
      'an option of another core',
      changed('lr: 1e-3', 'core: { name: madgrad, beta1: 0.5 }, components: { pnm: false }'),
      ['x.yaml:3:37  optimizer.core.beta1: unknown key; madgrad takes momentum, beta2, eps, name'],
    ],
    [
      'an unknown data set',
      changed('digits', 'digit'),
      [
        `x.yaml:2:18  dataset.name: expected one of ${datasetNames.join(', ')}, got string "digit"; did you mean digits?`,
      ],
    ],
    [
      'a missing name',
      changed('name: digits', 'train: 100'),
      [`x.yaml:2:1  dataset.name: missing, expected one of ${datasetNames.join(', ')}`],
    ],
    [
      'a wrong type',
      changed('epochs: 2', 'epochs: two'),
      ['x.yaml:4:18  train.epochs: expected number, got string "two"'],
    ],
    [
      'half an epoch',
      changed('epochs: 2', 'epochs: 0.5'),
      ['x.yaml:4:18  train.epochs: expected whole number, got number 0.5'],
    ],
    ['no epochs', changed('epochs: 2', 'epochs: 0'), ['x.yaml:4:18  train.epochs: must be at least 1, got number 0']],
    [
      'an empty value',
      changed('epochs: 2', 'epochs:'),
      ['x.yaml:4:17  train.epochs: expected number, got null (no value)'],
    ],
    ['not a number', changed('lr: 1e-3', 'lr: .nan'), ['x.yaml:3:18  optimizer.lr: expected number, got number NaN']],
    [
      'a list for a map',
      changed('{ epochs: 2, batch: 64 }', '[2, 64]'),
      ['x.yaml:4:8  train: expected a map, got a list'],
    ],
    [
      'a batch larger than the data set',
      changed('batch: 64', 'batch: 1438'),
      ['x.yaml:4:28  train.batch: 1438 images a step, but digits has 1437 for training here'],
    ],
    [
      'a batch larger than the subset',
      { 'x.yaml': minimal.replace('name: digits', 'name: digits, train: 50') },
      ['x.yaml:4:28  train.batch: 64 images a step, but digits has 50 for training here'],
    ],
    [
      'more images than there are',
      changed('name: digits', 'name: digits, train: 1438'),
      ['x.yaml:2:33  dataset.train: must be at most 1437, got number 1438'],
    ],
    [
      'a crop larger than the image',
      changed('batch: 64', 'batch: 64, augment: { crop: 8 }'),
      ['x.yaml:4:49  train.augment.crop: padding by 8 pixels would crop whole images of 8×8 away'],
    ],
    [
      'a crop of images that have one of their own, and an evaluation smaller than the crop',
      {
        'x.yaml': minimal
          .replace('digits', 'imagenette, image: 128, resize: 100')
          .replace('batch: 64', 'batch: 64, augment: { crop: 4 }'),
      },
      [
        'x.yaml:2:50  dataset.resize: 100 is shorter than the image of 128 that is cropped from it',
        'x.yaml:4:49  train.augment.crop: images of imagenette are cropped by RandomResizedCrop: leave this out',
      ],
    ],
    [
      'an interval without unit',
      { 'x.yaml': `${minimal}eval: { every: 3 }\n` },
      ['x.yaml:5:16  eval.every: expected string, got number 3'],
    ],
    [
      'an interval of another unit',
      { 'x.yaml': `${minimal}eval: { every: 3 minutes }\n` },
      [
        'x.yaml:5:16  eval.every: expected a count of epochs or steps such as "1 epoch" or "200 steps", got string "3 minutes"',
      ],
    ],
    [
      'a name that is no folder',
      { 'x.yaml': `name: ../x\n${minimal}` },
      [
        'x.yaml:1:7  name: expected letters, digits, ".", "_" or "-", starting with a letter or digit, got string "../x"',
      ],
    ],
    [
      'study arms',
      { 'x.yaml': `${minimal}study: { seeds: [1, 1], disable: [pmn, gc, gc, agc+agc, swd+gc, gc+swd] }\n` },
      [
        'x.yaml:5:17  study.seeds: the same seed twice',
        'x.yaml:5:35  study.disable[0]: no component "pmn"; did you mean pnm?',
        'x.yaml:5:44  study.disable[2]: "gc" is there twice',
        'x.yaml:5:48  study.disable[3]: "agc+agc" names a component twice',
        'x.yaml:5:65  study.disable[5]: "gc+swd" is there twice',
      ],
    ],
    [
      'leaving out what is off',
      { 'x.yaml': `${minimal.replace('lr: 1e-3', 'components: { gc: false }')}study: { disable: [gc] }\n` },
      ['x.yaml:5:20  study.disable[0]: gc is off in this experiment already'],
    ],
    [
      'no seeds',
      { 'x.yaml': `${minimal}study: { seeds: [] }\n` },
      ['x.yaml:5:17  study.seeds: needs at least 1 entry'],
    ],
    [
      'a warm-up longer than the run',
      changed('lr: 1e-3', 'components: { warmup: { steps: 40 } }'),
      [
        'x.yaml:3:28  optimizer.components.warmup: the warm-up ends at step 40, after the warm-down starts (step 31 of 44); train longer, shorten components.warmup.steps, or switch one of the two off',
      ],
    ],
  ];
  test.each(cases)('%s', async (_, files, expected) => expect(await problems(files)).toEqual(expected));

  test('a conflict is told beside an unrelated mistake', async () => {
    expect(await problems({ 'x.yaml': `${minimal.replace('64', '2000')}sede: 1\n` })).toEqual([
      'x.yaml:4:28  train.batch: 2000 images a step, but digits has 1437 for training here',
      'x.yaml:5:1  sede: unknown key; did you mean seed?',
    ]);
  });
});

describe('extends', () => {
  test('the later file wins, the file itself over all; lists replace; paths are relative to the file that names them', async () => {
    const files = {
      'base/common.yaml': `${minimal}study: { seeds: [1, 2, 3], disable: [gc] }\nseed: 1\n`,
      'base/a.yaml': 'extends: common.yaml\nseed: 2\ntrain: { epochs: 5 }\n',
      'base/b.yaml': 'seed: 3\n',
      'x.yaml': 'extends: [base/a.yaml, base/b.yaml]\ntrain: { batch: 32 }\nstudy: { seeds: [4] }\n',
    };
    const { experiment, files: read } = await load(files);
    expect(experiment).toMatchObject({
      seed: 3,
      train: { epochs: 5, batch: 32 },
      study: { seeds: [4], disable: ['gc'] },
    });
    expect(read.map((file) => file.split('/').slice(-2).join('/')).map((file) => file.replace(/^\d+\//, ''))).toEqual([
      'base/common.yaml',
      'base/a.yaml',
      'base/b.yaml',
      'x.yaml',
    ]);
  });

  test('a mistake in a parent is told there', async () => {
    expect(
      await problems({ 'base.yaml': minimal.replace('2', 'two'), 'x.yaml': 'extends: base.yaml\nsede: 3\n' }),
    ).toEqual([
      'base.yaml:4:18  train.epochs: expected number, got string "two"',
      'x.yaml:2:1  sede: unknown key; did you mean seed?',
    ]);
  });

  test('!delete takes an inherited key away', async () => {
    const { experiment } = await load({
      'base.yaml': `${minimal}seed: 7\n`,
      'x.yaml': 'extends: base.yaml\nseed: !delete\n',
    });
    expect(experiment.seed).toBe(0);
  });

  test('a circle is told with its files', async () => {
    const files = { 'x.yaml': 'extends: a.yaml\n', 'a.yaml': 'extends: b.yaml\n', 'b.yaml': '\nextends: [a.yaml]\n' };
    expect(await complaint(files)).toBe(`cannot read x.yaml
b.yaml:2:11  extends: goes in a circle: a.yaml → b.yaml → a.yaml
  > 2 | extends: [a.yaml]
      |           ^^^^^^
fix: correct \`extends\``);
  });

  test('a file that extends itself', async () => {
    expect(await problems({ 'x.yaml': 'extends: x.yaml\n' })).toEqual([
      'x.yaml:1:10  extends: goes in a circle: x.yaml → x.yaml',
    ]);
  });

  test('a missing parent', async () => {
    expect(await problems({ 'x.yaml': 'extends: nope.yaml\n' })).toEqual([
      'x.yaml:1:10  extends: nope.yaml does not exist',
    ]);
  });

  test('something else than a path', async () => {
    expect(await problems({ 'x.yaml': 'extends: { a: 1 }\n' })).toEqual([
      'x.yaml:1:10  extends: expected a path, or a list of paths',
    ]);
  });

  test('an endless chain ends', async () => {
    const files = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`f${i}.yaml`, `extends: f${i + 1}.yaml\n`]));
    expect(await problems({ ...files, 'x.yaml': 'extends: f0.yaml\n' })).toEqual([
      'f15.yaml:1:10  extends: more than 16 files deep',
    ]);
  });

  test('two files named from two sides are read once each', async () => {
    const twice = (i: number) => `extends: [f${i + 1}.yaml, f${i + 1}.yaml]\n`;
    const files = Object.fromEntries(Array.from({ length: 14 }, (_, i) => [`f${i}.yaml`, twice(i)]));
    const { files: read } = await load({ ...files, 'f14.yaml': minimal, 'x.yaml': 'extends: f0.yaml\n' });
    expect(read).toHaveLength(16);
  });
});

describe('the file itself', () => {
  test('missing, with the name that was meant', async () => {
    await expect(loadExperiment('.')).rejects.toThrow(`${process.cwd()} is a folder`);
    expect(await complaint({ 'y.yaml': minimal })).toBe('x.yaml does not exist\nfix: did you mean y.yaml?');
  });
  test('missing where it was looked for, but there in configs/', async () => {
    for (const path of [
      'digits-nfresnet',
      'digits-nfresnet.yaml',
      'config/digits-nfresnet.yaml',
      'configs/digit-nfresnet',
    ]) {
      await expect(loadExperiment(path)).rejects.toMatchObject({
        message: `${path} does not exist`,
        remedy: 'did you mean configs/digits-nfresnet.yaml?',
      });
    }
    await expect(loadExperiment('nothing/like/any.yaml')).rejects.toMatchObject({
      remedy: 'give the path of a config, e.g. configs/digits-resnet.yaml',
    });
  });
  test('empty', async () => {
    expect(await problems({ 'x.yaml': '# nothing\n' })).toEqual(['x.yaml:1:1  the file is empty']);
  });
  test('a list', async () => {
    expect(await problems({ 'x.yaml': '- 1\n' })).toEqual(['x.yaml:1:1  expected a map of keys and values']);
  });
  test('not YAML', async () => {
    expect(await problems({ 'x.yaml': 'a: {\n' })).toEqual([
      'x.yaml:2:1  Flow map in block collection must be sufficiently indented and end with a }',
    ]);
  });
});

test('the environment fills in a path', async () => {
  const files = { 'x.yaml': minimal.replace('name: digits', 'name: cifar10, root: "${env:DATA,/data}/c"') };
  expect((await load(files)).experiment.dataset).toMatchObject({ root: '/data/c' });
  expect((await load(files, { env: { DATA: '/d' } })).experiment.dataset).toMatchObject({ root: '/d/c' });
});

describe('a reference to a variable that is not set', () => {
  const data = minimal.replace('name: digits', 'name: cifar10, root: "${env:DATA}/c"');
  const missing = 'the environment variable DATA is not set; set it, or write ${env:DATA,default}';

  test('is an error with the place where it was written', async () => {
    expect(await problems({ 'x.yaml': data })).toEqual([`x.yaml:2:33  dataset.root: ${missing}`]);
    expect(await problems({ 'base.yaml': data, 'x.yaml': 'extends: base.yaml\n' })).toEqual([
      `base.yaml:2:33  dataset.root: ${missing}`,
    ]);
    expect(await problems({ 'x.yaml': minimal }, { set: ['dataset={ name: cifar10, root: "${env:DATA}" }'] })).toEqual([
      `--set dataset={ name: cifar10, root: "\${env:DATA}" }  dataset.root: ${missing}`,
    ]);
    expect(await problems({ 'x.yaml': 'extends: ${env:DATA}.yaml\n' })).toEqual([`x.yaml:1:10  extends: ${missing}`]);
  });

  test('stands alone, whatever the text in its place would be', async () => {
    expect(await problems({ 'x.yaml': data.replace('cifar10', '"${env:DATA}"') })).toEqual([
      `x.yaml:2:18  dataset.name: ${missing}`,
      `x.yaml:2:39  dataset.root: ${missing}`,
    ]);
    expect(await problems({ 'x.yaml': minimal.replace('lr: 1e-3', 'components: [gc, "${env:DATA}"]') })).toEqual([
      `x.yaml:3:31  optimizer.components.\${env:DATA}: ${missing}`,
    ]);
  });

  test.each<[string, Record<string, string>, object]>([
    ['--set', {}, { set: ['dataset.root=/d'] }],
    ['a later --set', {}, { set: ['dataset.root=${env:NONE}', 'dataset.root=/d'] }],
    ['--unset', {}, { unset: ['dataset.root'] }],
    ['a child', { 'x.yaml': 'extends: base.yaml\ndataset: { root: /d }\n' }, {}],
    ['!delete', { 'x.yaml': 'extends: base.yaml\ndataset: { root: !delete }\n' }, {}],
  ])('does not matter where the value is replaced by %s', async (how, files, options) => {
    const all = { 'base.yaml': data, 'x.yaml': 'extends: base.yaml\n', ...files };
    const { dataset } = (await load(all, options)).experiment;
    expect('root' in dataset && dataset.root).toBe(/unset|delete/.test(how) ? false : '/d');
  });
});

test('whatever the text, loading ends in an experiment or a UserError', async () => {
  const words = [
    'model',
    'name',
    'train',
    'epochs',
    'optimizer',
    'components',
    'agc',
    '__proto__',
    'extends',
    'x.yaml',
    '<<',
    '*a',
    '&a',
    '!delete',
  ];
  const piece = fc.oneof(
    fc.constantFrom(...words, ': ', '\n', '\n  ', '- ', '{', '}', '[', ']', ', ', '"', '#', '${env:A}', '|', '?'),
    fc.string({ maxLength: 5 }),
  );
  const text = fc.array(piece, { maxLength: 25 }).map((pieces) => pieces.join(''));
  await fc.assert(
    fc.asyncProperty(text, async (text) => {
      await load({ 'x.yaml': text }).catch((error: unknown) => {
        if (!(error instanceof UserError)) throw error;
      });
    }),
    { numRuns: 300 },
  );
});
