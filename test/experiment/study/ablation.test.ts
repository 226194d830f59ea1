import { describe, expect, test } from 'vitest';
import { arms } from '../../../src/experiment/study/ablation.ts';
import { makePlan } from '../../../src/experiment/study/plan.ts';
import { componentNames } from '../../../src/optim/components/registry.ts';
import type { OptimizerConfig } from '../../../src/optim/config.ts';
import { sampleExperiment } from '../../runs/sample.ts';

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
    ['two joined by +, both at once only', ['lookahead+pnm'], ['-pnm-lookahead']],
    ['a joint arm beside a single one', ['gc', 'swd+agc'], ['-gc', '-agc-swd', '-agc-gc-swd']],
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
    ['a misspelt component', ['lookahed'], 'study.disable[0]: no component "lookahed"; did you mean lookahead?'],
    ['a misspelt one in a joint arm', ['pnm+agcc'], 'study.disable[0]: no component "agcc"; did you mean agc?'],
    ['an empty name', ['pnm', ''], 'study.disable[1]: no component ""; components are agc, gc, gradnorm, pnm,'],
    ['the same twice', ['pnm+agc', 'agc + pnm'], 'study.disable[1]: "agc + pnm" is there twice'],
    ['a component that is off', ['gc'], 'study.disable[0]: gc is off in this experiment already'],
  ])('%s', (_, disable, message) => {
    const withoutGc = sampleExperiment({ optimizer: { components: { gc: false } } });
    expect(() => arms(withoutGc, { disable })).toThrow(message);
  });

  test('a base with nothing to leave out', () => {
    expect(() => arms(sampleExperiment({ optimizer: { name: 'adamw' } }))).toThrow(
      'optimizer: every component is off, so there is nothing to leave out',
    );
  });
});

describe('designs', () => {
  const three = { disable: ['agc', 'gc', 'pnm'], controls: [] };

  test('add-one-in alone, with its controls', () => {
    expect(names(base, { disable: ['pnm'], design: 'add-one-in' })).toEqual([
      ...['ranger21', 'adamw', 'adamw+sched', '+pnm', 'aa', 'twice'],
    ]);
  });

  test('pairs', () => {
    expect(names(base, { ...three, design: 'pairs' })).toEqual([
      ...['ranger21', 'adamw', 'adamw+sched', '-agc-gc', '-agc-pnm', '-gc-pnm'],
    ]);
  });

  test('a ladder goes up from the scheduled baseline and down from the full optimizer, each rung against the one before', () => {
    const ladder = arms(base, { ...three, design: 'ladder', order: ['pnm', 'gc', 'warmup'] });
    expect(ladder.map(({ name, reference }) => [name, reference])).toEqual([
      ['ranger21', undefined],
      ['adamw', undefined],
      ['adamw+sched', undefined],
      ['+pnm', 'adamw+sched'],
      ['+pnm+gc', '+pnm'],
      ['-pnm', 'ranger21'],
      ['-pnm-gc', '-pnm'],
    ]);
    expect(on(ladder[4]!.experiment.optimizer)).toEqual(['gc', 'pnm', 'warmup', 'warmdown']);
    expect(ladder[4]).toMatchObject({ components: ['gc'], family: 'ladder' });
  });

  test('a configuration that two designs ask for is trained once', () => {
    const both = arms(base, {
      disable: ['gc', 'pnm'],
      controls: [],
      design: ['leave-one-out', 'ladder'],
      order: ['gc', 'pnm'],
    });
    expect(both.map(({ name }) => name)).toEqual([
      ...['ranger21', '-gc', '-pnm', '-gc-pnm', 'adamw', 'adamw+sched', '+gc', '+gc+pnm'],
      ...['-gc (ladder)', '-gc-pnm (ladder)'],
    ]);
    expect(both.slice(-2)).toMatchObject([
      { sameAs: '-gc', reference: 'ranger21', family: 'ladder' },
      { sameAs: '-gc-pnm', reference: '-gc', family: 'ladder' },
    ]);
    const { runs } = makePlan({ study: 'demo', arms: both, seeds: [0], fingerprint: 'f' });
    expect(runs.map(({ arm }) => arm)).toEqual(both.slice(0, -2).map(({ name }) => name));
  });

  test('a schedule of one component that is the scheduled baseline too is still compared with the constant one', () => {
    const warm = sampleExperiment({ optimizer: { components: { warmdown: false } } });
    const all = arms(warm, { disable: ['warmup'], addOneIn: true });
    expect(all.find(({ name }) => name === '+warmup')).toMatchObject({ kind: 'with', sameAs: 'adamw+sched' });
  });

  test('the last rung up the whole ladder is the full optimizer of the reference semantics', () => {
    const up = arms(base, { design: 'ladder', controls: [] }).filter(({ kind }) => kind === 'with');
    expect(up).toHaveLength(8);
    expect(up.at(-1)).toMatchObject({ components: ['lookahead'], sameAs: 'ranger21', reference: up.at(-2)!.name });
  });

  test('screening: the rows of the design, the rest of the base unchanged', () => {
    const rows = arms(base, { ...three, design: 'plackett-burman' }).filter(({ kind }) => kind === 'screen');
    expect(rows.map(({ name }) => name)).toEqual(['pb01', 'pb02', 'pb03', 'pb04', 'pb05', 'pb06', 'pb07', 'pb08', 'pb09', 'pb10', 'pb11', 'pb12']); // prettier-ignore
    expect(rows[0]!.components).toEqual(['agc', 'gc']); // + + −
    expect(on(rows[11]!.experiment.optimizer)).toEqual(
      componentNames.filter((name) => !['agc', 'gc', 'pnm'].includes(name)),
    );
    expect(names(base, { ...three, design: 'factorial' }).filter((name) => name.startsWith('f0'))).toHaveLength(8);
  });

  test('two screening designs at once are refused', () => {
    expect(() => arms(base, { design: ['factorial', 'plackett-burman'] })).toThrow('no one screening design has');
  });

  test('the A/A arm is the full optimizer on seeds of its own, the other control on the first seed again', () => {
    const [aa, twice] = arms(base, { design: 'leave-one-out', seeds: [3, 4] }).slice(-2);
    expect(aa).toMatchObject({ name: 'aa', kind: 'control', seedOffset: 1_000_000, experiment: base });
    expect(twice).toMatchObject({ name: 'twice', kind: 'control', seeds: [3], experiment: base });
    expect(() => arms(base, { controls: ['aa'], seeds: [1, 1_000_001] })).toThrow('which are seeds of this study too');
  });
});

describe('what a study cannot have', () => {
  test('a misspelt name in the order of the ladder', () => {
    expect(() => arms(base, { design: 'ladder', order: ['pnn'] })).toThrow(
      'study.order[0]: no component "pnn"; did you mean pnm?',
    );
    expect(() => arms(base, { order: ['pnn'] })).toThrow('study.order[0]: no component'); // also where there is no ladder
  });

  test('a target that ends runs early', () => {
    const stopping = sampleExperiment({ stop: { target: { metric: 'top1', value: 0.9 } } });
    expect(() => arms(stopping, {})).toThrow('stop.target: would end the arms of a study at different steps');
  });
});

describe('arms of the user’s own', () => {
  const named = (set: Record<string, unknown>, more: object = {}) =>
    arms(base, { disable: ['pnm'], arms: [{ name: 'mine', set, ...more }] }).find(({ name }) => name === 'mine')!;

  test('replace values of the base and keep the rest', () => {
    const { experiment, kind } = named({
      optimizer: { lr: 0.01, components: { agc: { clip: 0.1 }, gc: false, pnm: true } },
      train: { labelSmoothing: 0.1 },
    });
    expect(kind).toBe('named');
    expect(experiment.train).toEqual({ ...base.train, labelSmoothing: 0.1 });
    expect(experiment.optimizer).toEqual({
      ...base.optimizer,
      lr: 0.01,
      components: { ...base.optimizer.components, agc: { ...base.optimizer.components.agc, clip: 0.1 }, gc: false },
    });
  });

  test('semantics start from their own preset, with the base’s learning rate', () => {
    const faster = sampleExperiment({ optimizer: { lr: 0.005, components: { agc: { clip: 0.1 } } } });
    const [paper] = arms(faster, { arms: [{ name: 'paper', set: { optimizer: { semantics: 'paper' } } }] }).slice(-1);
    expect(paper!.experiment.optimizer).toEqual(
      sampleExperiment({ optimizer: { lr: 0.005, semantics: 'paper', weightDecay: 1e-4 } }).optimizer,
    );
  });

  test('a core of another name starts from its defaults; a list of components is exactly these', () => {
    expect(
      named({ optimizer: { core: 'madgrad', components: { pnm: false, softplus: false } } }).experiment.optimizer.core
        .name,
    ).toBe('madgrad');
    expect(on(named({ optimizer: { components: ['agc', 'gc'] } }).experiment.optimizer)).toEqual(['agc', 'gc']);
    expect(named({ optimizer: { core: { beta1: 0.95 } } }).experiment.optimizer.core).toMatchObject({
      name: 'adamw',
      beta1: 0.95,
      beta2: 0.999,
    });
  });

  test.each<[string, Record<string, unknown>, object, string]>([
    ['what arms share', { train: { batch: 32 } }, {}, 'set.train.batch: all arms of a study share train.batch'],
    ['another model', { model: { name: 'nf-r8-basic' } }, {}, 'set.model: all arms of a study share model'],
    [
      'a target that ends runs early',
      { stop: { target: { metric: 'top1', value: 0.9 } } },
      {},
      'set.stop.target: all arms of a study share stop.target',
    ],
    ['another data set', { dataset: { name: 'mnist' } }, {}, 'set.dataset: all arms of a study share dataset'],
    [
      'itself as its reference',
      { optimizer: { lr: 1 } },
      { reference: 'mine' },
      'reference: an arm cannot be compared',
    ],
    ['a value that is none', { optimizer: { lr: -1 } }, {}, 'set.optimizer.lr: '],
    ['an unknown key', { optimizer: { larning: 1 } }, {}, 'set.optimizer: '],
    ['an unknown component', { optimizer: { components: { pnmm: false } } }, {}, 'set.optimizer.components: '],
    ['one in a list', { optimizer: { components: ['gc', 'acg'] } }, {}, 'set.optimizer.components: '],
    ['no components at all', { optimizer: { components: null } }, {}, 'set.optimizer.components: '],
    ['a core that is none', { optimizer: { core: 5 } }, {}, 'set.optimizer.core: '],
    ['an optimizer that is none', { optimizer: null }, {}, 'set.optimizer: '],
    ['nothing of its own', {}, {}, 'study.arms[0]: the same experiment as ranger21'],
    [
      'an unknown reference',
      { optimizer: { lr: 0.01 } },
      { reference: 'adam' },
      'reference: no arm of this study is named "adam"; did you mean adamw?',
    ],
    [
      'a name that is taken',
      { optimizer: { lr: 0.01 } },
      { name: 'adamw' },
      'name: another arm of this study is named adamw',
    ],
  ])('refuses %s', (_, set, more, message) => {
    expect(() => named(set, more)).toThrow(message);
  });
});
