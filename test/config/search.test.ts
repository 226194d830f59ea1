import { describe, expect, test } from 'vitest';
import { hyperKeys, hyperValue, withHyperparameters } from '../../src/config/hyperparameters.ts';
import { rangeText, valueIn, type Range } from '../../src/config/search.ts';
import { UserError } from '../../src/errors.ts';
import { sampleExperiment } from '../runs/sample.ts';
import { complaint, load, minimal } from './tempConfigs.ts';

describe('a range', () => {
  test.each<[string, Range, number, unknown]>([
    // the geometric mean of the ends
    ['log, in the middle', { log: [1e-4, 1e-2] }, 0.5, 1e-3],
    ['log, a quarter of the way: 10^−3.25, to four digits', { log: [1e-4, 1e-1] }, 0.25, 0.0005623],
    ['linear', { linear: [-1, 3] }, 0.25, 0],
    ['linear, narrow', { linear: [1000, 1000.1] }, 0.5, 1000.05],
    ['int: the first third of 1 … 3', { int: [1, 3] }, 0.33, 1],
    ['int: the second third', { int: [1, 3] }, 0.34, 2],
    // 1 − x from 0.1 to 0.001, whose geometric mean is 0.01
    ['one minus log, in the middle', { oneMinusLog: [1e-3, 1e-1] }, 0.5, 0.99],
    ['a choice', { choice: ['a', 'b', 'c', 'd'] }, 0.49, 'b'],
  ])('%s', (_, range, place, expected) => {
    expect(valueIn(range, place)).toBe(expected);
  });

  test.each<[Range, unknown, unknown]>([
    [{ log: [0.00012342, 0.1] }, 0.00012342, 0.1],
    [{ linear: [0, 0.7] }, 0, 0.7],
    [{ int: [2, 9] }, 2, 9],
    [{ oneMinusLog: [1e-3, 0.1] }, 0.9, 0.999],
    [{ choice: [true, false] }, true, false],
  ])('%o goes from its first end to its last, and not beyond', (range, first, last) => {
    expect([valueIn(range, 0), valueIn(range, 1)]).toEqual([first, last]);
  });

  test('as text', () => {
    expect(rangeText({ log: [1e-4, 0.1] })).toBe('0.0001 … 0.1, log');
    expect(rangeText({ oneMinusLog: [1e-3, 0.1] })).toBe('0.9 … 0.999, log of 1 − x');
    expect(rangeText({ choice: [1, 'x'] })).toBe('1 or x');
  });
});

describe('hyperparameters by their keys', () => {
  const base = sampleExperiment();
  test('are read and replaced, and nothing else changes', () => {
    expect(hyperValue(base, 'optimizer.components.agc.clip')).toBe(0.01);
    expect(hyperValue(base, 'optimizer.components.agc.clipp')).toBeUndefined();
    const changed = withHyperparameters(base, { 'optimizer.lr': 0.5, 'optimizer.components.agc.clip': 0.02 }, 'it');
    const { agc } = base.optimizer.components;
    expect(changed).toEqual({
      ...base,
      optimizer: {
        ...base.optimizer,
        lr: 0.5,
        components: { ...base.optimizer.components, agc: { ...(agc as object), clip: 0.02 } },
      },
    });
    expect(hyperKeys(base)).toEqual(expect.arrayContaining(['optimizer.lr', 'optimizer.core.beta1', 'train.batch']));
  });

  test('that an experiment cannot have are an error that names them', () => {
    const tooLarge = () => withHyperparameters(base, { 'optimizer.core.beta1': 2 }, 'trial t001');
    expect(tooLarge).toThrow(UserError);
    expect(tooLarge).toThrow(/trial t001 is no valid experiment with optimizer.core.beta1 2: optimizer.core.beta1: /);
  });
});

describe('study.search', () => {
  const config = (study: string) => ({ 'x.yaml': `${minimal}study:\n${study}` });
  const space = (line: string, rest = '  tier: T1\n') => config(`${rest}  search:\n    space:\n      ${line}\n`);

  test('has defaults for all but the space', async () => {
    const { experiment } = await load(space('optimizer.lr: { log: [1e-4, 1e-1] }'));
    expect(experiment.study?.search).toEqual({
      budget: 16,
      design: 'halton',
      scramble: 0,
      seeds: 2,
      holdOut: 0.2,
      space: { 'optimizer.lr': { log: [1e-4, 1e-1] } },
      line: [0.25, 0.5, 1, 2, 4],
    });
  });

  test.each<[string, Record<string, string>, RegExp]>([
    ['a key that is misspelt', space('optimizer.lrr: { log: [1e-4, 1e-1] }'), /x\.yaml:9:7 .*unknown key; did you mean optimizer\.lr\?/],
    ['a kind that is misspelt', space('optimizer.lr: { lgo: [1e-4, 1e-1] }'), /optimizer\.lr\.lgo: unknown key; did you mean log\?/],
    ['two kinds', space('optimizer.lr: { log: [1e-4, 1e-1], linear: [0, 1] }'), /expected exactly one of log, linear/],
    ['ends the wrong way round', space('optimizer.lr: { log: [1, 0.1] }'), /expected two numbers, the smaller first/],
    ['the logarithm of 0', space('optimizer.lr: { log: [0, 1] }'), /greater than 0/],
    ['an end that the optimizer refuses', space('optimizer.core.beta1: { linear: [0.5, 2] }'), /2 is not possible: .*<1/],
    ['a component that is off', { 'x.yaml': `${minimal.replace('{ lr: 1e-3 }', '{ components: { agc: false } }')}study: { tier: T1, search: { space: { optimizer.components.agc.clip: { log: [1e-3, 1] } } } }\n` }, /agc is off in this experiment: it has no clip/],
    ['a switch', space('optimizer.components.pnm: { choice: [true, false] }'), /what arms differ in, not a hyperparameter/],
    ['what arms have in common', space('train.labelSmoothing: { linear: [0, 0.2] }'), /keys that begin with optimizer\./],
    ['the seed', space('seed: { int: [0, 9] }'), /seed is the same for all runs of a search/],
    ['T1 without a space', config('  tier: T1\n'), /study\.tier: T1 searches hyperparameters: declare their ranges/],
    ['T1 on a grid', config('  tier: T1\n  search: { design: grid, space: { optimizer.lr: { log: [0.1, 1] } } }\n'), /fewer hyperparameters would get fewer trials/],
    ['T2 on one seed', config('  tier: T2\n  search: { seeds: 1 }\n'), /at least 2 seeds/],
    ['data that are held out already', { 'x.yaml': `${minimal.replace('name: digits', 'name: digits, holdOut: 0.2')}study: { tier: T2 }\n` }, /dataset\.holdOut: trials hold out a part of their own/],
  ])('refuses %s', async (_, files, message) => {
    expect(await complaint(files)).toMatch(message);
  }); // prettier-ignore

  test('of a sweep may search what is not the optimizer’s', async () => {
    const { experiment } = await load(space('train.labelSmoothing: { linear: [0, 0.2] }', '  tier: T0\n'));
    expect(Object.keys(experiment.study!.search!.space)).toEqual(['train.labelSmoothing']);
  });
});
