import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadExperiment } from '../../src/config/load.ts';
import { resolvedYaml } from '../../src/config/resolved.ts';
import { load, minimal, write } from './tempConfigs.ts';

describe('a resolved config loads again to the same experiment', () => {
  test.each(readdirSync('configs').filter((name) => name.endsWith('.yaml')))('configs/%s', async (name) => {
    const { experiment, origin } = await loadExperiment(`configs/${name}`, { env: {} });
    expect((await load({ 'x.yaml': resolvedYaml(experiment) })).experiment).toEqual(experiment);
    expect((await load({ 'x.yaml': resolvedYaml(experiment, origin) })).experiment).toEqual(experiment);
  });

  test.each(['paper', 'reference-legacy', 'reference', 'as-run-2021-05'])('semantics %s', async (semantics) => {
    const { experiment } = await load({ 'x.yaml': minimal.replace('lr: 1e-3', `semantics: ${semantics}`) });
    expect((await load({ 'x.yaml': resolvedYaml(experiment) })).experiment).toEqual(experiment);
  });

  test('adamw, madgrad and a path with references in it', async () => {
    for (const optimizer of ['name: adamw', 'core: { name: madgrad, momentum: 0 }, components: [gc, softplus]']) {
      const text = minimal
        .replace('lr: 1e-3', optimizer)
        .replace('name: digits', () => 'name: cifar10, root: "$${env:HOME}/#1: x "');
      const { experiment } = await load({ 'x.yaml': text });
      expect(experiment.dataset).toMatchObject({ root: '${env:HOME}/#1: x ' });
      expect((await load({ 'x.yaml': resolvedYaml(experiment) })).experiment).toEqual(experiment);
    }
  });
});

test('freezeGains is auto for timm045 and false elsewhere, unless the config says', async () => {
  const freezeGains = async (model: string) => {
    const { experiment } = await load({ 'x.yaml': minimal.replace('name: r8-basic', model) });
    return (experiment.model as { freezeGains?: unknown }).freezeGains;
  };
  expect(await freezeGains('name: nf-r8-basic, preset: timm045')).toBe('auto');
  expect(await freezeGains('name: nf-r8-basic, preset: timm045, freezeGains: false')).toBe(false);
  expect(await freezeGains('name: nf-r8-basic')).toBe(false);
  expect(await freezeGains('name: r8-basic')).toBeUndefined();
});

test('any text, number and list is read back by a YAML parser', () => {
  const text = fc.string({ unit: 'grapheme' }).filter((x) => !x.includes('${'));
  const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0 || 0);
  const leaf = fc.oneof(
    text,
    number,
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom('yes', '1e3', '~', 'null', '0x1f', '- a', 'a: b', '#', ' '),
  );
  const key = fc
    .oneof(fc.constantFrom('a', 'b', '1', 'null'), fc.string({ minLength: 1 }))
    .filter((x) => x !== '__proto__' && x !== '<<');
  const value = fc.oneof(
    leaf,
    fc.array(leaf, { maxLength: 3 }),
    fc.dictionary(key, leaf, { noNullPrototype: true, maxKeys: 3 }),
  );
  fc.assert(
    fc.property(fc.dictionary(key, value, { noNullPrototype: true, minKeys: 1 }), (x) => {
      expect(parse(resolvedYaml(x))).toEqual(x);
    }),
  );
});

test('says where each value came from', async () => {
  const dir = write({
    'base.yaml': minimal,
    'x.yaml': 'extends: base.yaml\noptimizer:\n  components: { agc: true, gc: { convOnly: true } }\n',
  });
  const { origin, experiment } = await loadExperiment(`${dir}/x.yaml`, { env: {}, set: ['train.epochs=3'] });
  const from = (path: string) => origin.get(path)?.replace(`${dir}/`, '');
  expect(from('model.name')).toBe('base.yaml:1:16');
  expect(from('optimizer.lr')).toBe('base.yaml:3:18');
  expect(from('optimizer.components.agc.clip')).toBe('x.yaml:3:22');
  expect(from('optimizer.components.gc.convOnly')).toBe('x.yaml:3:44');
  expect(from('optimizer.components.pnm.factor')).toBe('default');
  expect(from('train.epochs')).toBe('--set train.epochs=3');
  expect(from('train.augment.crop')).toBe('default');
  expect(from('name')).toBe('default');
  const line = resolvedYaml(experiment, origin)
    .split('\n')
    .find((text) => text.startsWith('  lr:'));
  expect(line?.replace(`${dir}/`, '').replace(/ +#/, ' #')).toBe('  lr: 0.001 # base.yaml:3:18');
});
