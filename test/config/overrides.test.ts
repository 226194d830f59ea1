import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { load, minimal, problems } from './tempConfigs.ts';

const set = async (...flags: string[]) => (await load({ 'x.yaml': minimal }, { set: flags })).experiment;
const told = (options: { set?: string[]; unset?: string[] }) => problems({ 'x.yaml': minimal }, options);

describe('--set', () => {
  test('takes YAML, the last one winning', async () => {
    expect((await set('optimizer.lr=3e-4', 'optimizer.lr=5e-4')).optimizer.lr).toBe(5e-4);
    expect((await set('train={ epochs: 9, augment: { flip: true } }')).train).toMatchObject({
      epochs: 9,
      batch: 64,
      augment: { flip: true },
    });
    expect((await set('study.seeds=[3, 4]')).study?.seeds).toEqual([3, 4]);
    expect((await set('name=a=b'.replace('=b', '-b'))).name).toBe('a-b');
  });

  test('sets an option of a component, which switches it on', async () => {
    const { components } = (await set('optimizer.components=[gc]', 'optimizer.components.agc.clip=0.02')).optimizer;
    expect(components.agc).toMatchObject({ clip: 0.02 });
    expect(components.gc).not.toBe(false);
    expect(components.pnm).toBe(false);
  });

  test('a word for the core replaces it, an option of the core keeps it', async () => {
    const files = { 'x.yaml': minimal.replace('lr: 1e-3', 'core: { name: adamw, beta1: 0.8 }, components: [gc]') };
    const core = async (...flags: string[]) => (await load(files, { set: flags })).experiment.optimizer.core;
    expect(await core('optimizer.core.beta2=0.99')).toMatchObject({ name: 'adamw', beta1: 0.8, beta2: 0.99 });
    expect(await core('optimizer.core=madgrad')).toMatchObject({ name: 'madgrad' });
    expect(await core('optimizer.core=madgrad', 'optimizer.core.momentum=0.5')).toMatchObject({
      name: 'madgrad',
      momentum: 0.5,
    });
  });

  test('mistakes name the flag', async () => {
    const flags = [
      'optimizer.lr=x',
      'optimizer.lrr=1',
      'lr=1',
      'epochs',
      '=3',
      'a..b=1',
      '__proto__.x=1',
      'seed=[1',
      'seed=',
      'model.name=resnet5',
    ];
    expect(
      (await told({ set: flags })).map((line) => line.replace(/expected one of .*, got/, 'expected one of …, got')),
    ).toEqual([
      '--set epochs  expected key.path=value',
      '--set =3  "" is not a path of keys such as optimizer.lr',
      '--set a..b=1  "a..b" is not a path of keys such as optimizer.lr',
      '--set __proto__.x=1  __proto__ is not allowed as a key',
      '--set seed=[1  seed: Flow sequence must end with a ]',
      '--set model.name=resnet5  model.name: expected one of …, got string "resnet5"; did you mean resnet50?',
      '--set optimizer.lr=x  optimizer.lr: expected number, got string "x"',
      '--set optimizer.lrr=1  optimizer.lrr: unknown key; did you mean lr?',
      '--set seed=  seed: expected number, got string ""',
      '--set lr=1  lr: unknown key; did you mean optimizer.lr?',
    ]);
  });

  test('a value under a forbidden key pollutes nothing', async () => {
    expect(
      await told({ set: ['train={ __proto__: { polluted: 1 } }', 'train.constructor.prototype.polluted=1'] }),
    ).toEqual([
      '--set train={ __proto__: { polluted: 1 } }  train.__proto__: not allowed as a key',
      '--set train.constructor.prototype.polluted=1  constructor is not allowed as a key',
    ]);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});

describe('--unset', () => {
  test('goes back to the default', async () => {
    const files = { 'x.yaml': `${minimal.replace('1e-3', '7')}seed: 5\n` };
    expect((await load(files, { unset: ['seed'] })).experiment.seed).toBe(0);
    expect((await load(files, { unset: ['optimizer.lr'] })).experiment.optimizer.lr).toBe(1e-3);
  });

  test('comes before --set', async () => {
    expect(
      (await load({ 'x.yaml': minimal }, { unset: ['train'], set: ['train.epochs=3', 'train.batch=8'] })).experiment
        .train.epochs,
    ).toBe(3);
  });

  test('suggests no word that shares no letter', async () => {
    expect(await told({ unset: ['optimizer.wd'] })).toEqual([
      '--unset optimizer.wd  nothing to unset: no file sets it',
    ]);
  });

  test('mistakes name the flag', async () => {
    expect(await told({ unset: ['optimizer.lrr', 'nope', 'constructor', 'train.batch'] })).toEqual([
      '--unset optimizer.lrr  nothing to unset: no file sets it; did you mean optimizer.lr?',
      '--unset nope  nothing to unset: no file sets it',
      '--unset constructor  constructor is not allowed as a key',
      'x.yaml:4:1  train.batch: missing, expected number',
    ]);
  });
});

test('whatever the flags, loading ends in an experiment or a UserError', async () => {
  const key = fc.constantFrom(
    'model',
    'name',
    'optimizer',
    'components',
    'agc',
    'lr',
    'train',
    '__proto__',
    'constructor',
    'toString',
    '',
    ' ',
    'é',
  );
  const path = fc.array(key, { maxLength: 4 }).map((keys) => keys.join('.'));
  const value = fc.oneof(
    fc.json(),
    fc.string({ maxLength: 8 }),
    fc.constantFrom('!delete', '*a', '&a [*a]', '[', '~', '${env:X}', '<<: 3', 'agc'),
  );
  const flag = fc.tuple(path, fc.constantFrom('=', ''), value).map((parts) => parts.join(''));
  await fc.assert(
    fc.asyncProperty(fc.array(flag, { maxLength: 4 }), fc.array(path, { maxLength: 2 }), async (set, unset) => {
      await load({ 'x.yaml': minimal }, { set, unset }).catch((error: unknown) => {
        if (!(error instanceof UserError)) throw error;
      });
    }),
    { numRuns: 300 },
  );
});
