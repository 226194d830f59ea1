import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { configJsonSchemaText } from '../../src/config/jsonSchema.ts';
import { loadExperiment } from '../../src/config/load.ts';
import { schedulePreview } from '../../src/experiment/schedule.ts';

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
    'imagenet-nfresnet.yaml',
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
    expect(schedulePreview(experiment).totalSteps).toBeGreaterThan(0);
  });

  test('says how it is run, on what, how long it takes and what comes out', () => {
    const header = /^(#.*\n)+/.exec(readFileSync(path, 'utf8'))?.[0];
    for (const word of ['command', 'hardware', 'time', 'result'])
      expect(header).toMatch(new RegExp(`^# +${word} `, 'm'));
  });
});
