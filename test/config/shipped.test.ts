import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { configJsonSchemaText } from '../../src/config/jsonSchema.ts';
import { loadExperiment } from '../../src/config/load.ts';
import { datasets } from '../../src/data/registry.ts';
import { schedulePreview } from '../../src/experiment/schedule.ts';
import { planRun } from '../../src/experiment/train.ts';
import type { ParamSpec } from '../../src/models/model.ts';
import { changesFromSemantics } from '../../src/optim/config.ts';
import { sizeOf } from '../../src/tensor/compile.ts';

const shipped = readdirSync('configs').filter((name) => name.endsWith('.yaml'));

test('configs/schema.json is what `ranger21 config schema` prints', () => {
  expect(readFileSync('configs/schema.json', 'utf8')).toBe(configJsonSchemaText());
});

test('every config of the documentation is there', () => {
  expect(shipped).toEqual([
    'ablation.yaml',
    'cifar10-nfresnet.yaml',
    'cifar10-resnet20.yaml',
    'components-nfresnet.yaml',
    'components-resnet.yaml',
    'digits-nfresnet.yaml',
    'digits-resnet.yaml',
    'fashion-mnist-nfresnet20.yaml',
    'fashion-mnist-resnet20.yaml',
    'imagenet-nfresnet-deepmind.yaml',
    'imagenet-nfresnet.yaml',
    'imagenet-resnet50-reference.yaml',
    'imagenet-resnet50.yaml',
    'imagenette-nfresnet.yaml',
    'imagenette-resnet50.yaml',
    'imagewoof-nfresnet.yaml',
    'imagewoof-resnet50.yaml',
    'partners-nfresnet.yaml',
    'synthetic-smoke.yaml',
    'tuned-nfresnet.yaml',
  ]);
});

describe.each(shipped)('configs/%s', (name) => {
  const path = `configs/${name}`;

  test('is valid and its schedule is known', async () => {
    const { experiment } = await loadExperiment(path, { env: {} });
    expect(experiment.name).toBe(name.replace('.yaml', ''));
    const images = name.startsWith('imagenet-') ? 1_281_167 : undefined; // only the folder tells
    expect(schedulePreview(experiment, images).totalSteps).toBeGreaterThan(0);
  });

  test('says how it is run, on what, how long it takes and what comes out', () => {
    const header = /^(#.*\n)+/.exec(readFileSync(path, 'utf8'))?.[0];
    for (const word of ['command', 'hardware', 'time', 'result'])
      expect(header).toMatch(new RegExp(`^# +${word} `, 'm'));
  });
});

describe('the ImageNet experiments are the paper’s networks, with the optimizer of its runs', () => {
  const counts = { classes: 1000, train: 1_281_167, test: 50_000 };
  const facts = { ...datasets.imagefolder.facts({ image: 224 }), ...counts };

  test('norm-free: timm 0.4.5’s network of 25,557,032 parameters, its 26,560 gains in 53 kernels frozen', async () => {
    const { experiment } = await loadExperiment('configs/imagenet-nfresnet.yaml', { env: {} });
    expect(experiment.model).toMatchObject({ preset: 'timm045', padding: 'torch', freezeGains: 'auto' });
    const { model } = planRun(experiment, facts);
    const count = (specs: Readonly<Record<string, ParamSpec>>) => ({
      tensors: Object.keys(specs).length,
      scalars: Object.values(specs).reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    });
    expect(count({ ...model.params, ...model.frozen })).toEqual({ tensors: 161, scalars: 25_557_032 });
    expect(count(model.frozen!)).toEqual({ tensors: 53, scalars: 26_560 });
  });

  test.each(['imagenet-nfresnet', 'imagenet-resnet50'])('%s takes every option from as-run-2021-05', async (name) => {
    const { optimizer } = (await loadExperiment(`configs/${name}.yaml`, { env: {} })).experiment;
    expect(optimizer.semantics).toBe('as-run-2021-05');
    expect(changesFromSemantics(optimizer)).toEqual([]);
  });
});
