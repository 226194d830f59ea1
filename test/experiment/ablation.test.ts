import { describe, expect, test } from 'vitest';
import { arms } from '../../src/experiment/ablation.ts';
import { componentNames } from '../../src/optim/components/registry.ts';
import type { OptimizerConfig } from '../../src/optim/config.ts';
import { sampleExperiment } from '../runs/sample.ts';

const base = sampleExperiment();
const names = (...args: Parameters<typeof arms>) => arms(...args).map(({ name }) => name);
const optimizerOf = (name: string, ...args: Parameters<typeof arms>): OptimizerConfig => {
  const arm = arms(...args).find((candidate) => candidate.name === name);
  if (!arm) throw new Error(`no arm ${name}`);
  return arm.experiment.optimizer;
};
const on = ({ components }: OptimizerConfig) => componentNames.filter((name) => components[name] !== false);

describe('which arms', () => {
  test.each<[string, string[] | undefined, string[]]>([
    ['every component in turn', undefined, componentNames.map((name) => `-${name}`)],
    ['nothing named is the same', [], componentNames.map((name) => `-${name}`)],
    ['one', ['pnm'], ['-pnm']],
    ['two, and both at once', ['pnm', 'lookahead'], ['-pnm', '-lookahead', '-pnm-lookahead']],
    ['two in one argument', ['pnm,lookahead'], ['-pnm', '-lookahead', '-pnm-lookahead']],
    ['two joined by +, both at once only', ['lookahead+pnm'], ['-pnm-lookahead']],
    ['a joint arm beside a single one', ['gc', 'swd+agc'], ['-gc', '-agc-swd', '-agc-gc-swd']],
    ['the same twice is one', ['pnm', 'pnm'], ['-pnm']],
    ['both ways to name the joint arm', ['pnm', 'gc', 'gc+pnm'], ['-pnm', '-gc', '-gc-pnm']],
  ])('%s', (_, disable, expected) => {
    expect(names(base, { disable })).toEqual(['ranger21', ...expected, 'adamw', 'adamw+sched']);
  });

  test('each added alone', () => {
    expect(names(base, { disable: ['lookahead', 'warmup'], addOneIn: true })).toEqual([
      ...['ranger21', '-lookahead', '-warmup', '-warmup-lookahead', 'adamw', 'adamw+sched', '+warmup', '+lookahead'],
    ]);
    expect(names(base, { addOneIn: true }).slice(-10)).toEqual(componentNames.map((name) => `+${name}`));
  });

  test('a component that is off in the base has no arm', () => {
    const withoutPnm = sampleExperiment({ optimizer: { components: { pnm: false } } });
    expect(names(withoutPnm)).not.toContain('-pnm');
    expect(names(withoutPnm)).toContain('-agc');
  });
});

describe('what an arm is', () => {
  test('the full arm is the base', () => {
    expect(optimizerOf('ranger21', base)).toEqual(base.optimizer);
  });

  test('an arm without components differs in them and in nothing else', () => {
    const arm = arms(base, { disable: ['pnm+gc'] })[1];
    expect(arm).toMatchObject({ kind: 'without', components: ['gc', 'pnm'] });
    expect(arm?.experiment).toEqual({
      ...base,
      optimizer: { ...base.optimizer, components: { ...base.optimizer.components, gc: false, pnm: false } },
    });
  });

  test('adamw has no component, the base’s lr, decay, β and ε, and its own name', () => {
    const changed = sampleExperiment({
      optimizer: { semantics: 'paper', lr: 3e-3, weightDecay: 5e-4, core: { name: 'adamw', beta1: 0.95, eps: 1e-6 } },
    });
    expect(changed.optimizer.core).toMatchObject({ amsgrad: true });
    const adamw = optimizerOf('adamw', changed);
    expect(adamw).toMatchObject({ name: 'adamw', lr: 3e-3, weightDecay: 5e-4, decay: { tensors: 'all' } });
    expect(adamw.core).toEqual({
      name: 'adamw',
      beta1: 0.95,
      beta2: 0.999,
      eps: 1e-6,
      amsgrad: false,
      adabelief: false,
    });
    expect(on(adamw)).toEqual([]);
  });

  test('adamw+sched adds the base’s schedule with its options', () => {
    const changed = sampleExperiment({ optimizer: { components: { warmdown: { minLr: 1e-6 } } } });
    const scheduled = optimizerOf('adamw+sched', changed);
    expect(on(scheduled)).toEqual(['warmup', 'warmdown']);
    expect(scheduled.components.warmdown).toEqual(changed.optimizer.components.warmdown);
    expect(scheduled.core).toEqual(optimizerOf('adamw', changed).core);
  });

  test('adamw+sched has a schedule where the base has none', () => {
    const constant = sampleExperiment({ optimizer: { components: { warmup: false, warmdown: false } } });
    expect(on(optimizerOf('adamw+sched', constant))).toEqual(['warmup', 'warmdown']);
  });

  test('a component is added to the scheduled baseline, a schedule to the constant one', () => {
    expect(on(optimizerOf('+agc', base, { addOneIn: true }))).toEqual(['agc', 'warmup', 'warmdown']);
    expect(on(optimizerOf('+warmdown', base, { addOneIn: true }))).toEqual(['warmdown']);
  });

  test('the baselines of a MADGRAD base are AdamW', () => {
    const madgrad = sampleExperiment({ optimizer: { core: 'madgrad', components: { pnm: false } } });
    expect(optimizerOf('adamw+sched', madgrad).core.name).toBe('adamw');
    expect(optimizerOf('-agc', madgrad).core.name).toBe('madgrad');
  });
});

describe('refuses', () => {
  test.each<[string, string[], string]>([
    ['a misspelt component', ['lookahed'], 'no component "lookahed" to disable; did you mean lookahead?'],
    ['a misspelt one in a joint arm', ['pnm+agcc'], 'no component "agcc" to disable; did you mean agc?'],
    ['an empty name', ['pnm,'], 'no component "" to disable'],
    ['a component that is off', ['gc'], 'gc is off in sample already: an arm without it would be the same run again'],
  ])('%s', (_, disable, message) => {
    const withoutGc = sampleExperiment({ optimizer: { components: { gc: false } } });
    expect(() => arms(withoutGc, { disable })).toThrow(message);
  });

  test('a base with nothing to leave out', () => {
    expect(() => arms(sampleExperiment({ optimizer: { name: 'adamw' } }))).toThrow('every component is off in sample');
  });
});
