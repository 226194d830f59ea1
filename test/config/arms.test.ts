import { describe, expect, test } from 'vitest';
import { armExperiment } from '../../src/config/arms.ts';
import { loadExperiment } from '../../src/config/load.ts';
import { complaint, load, minimal, problems, write } from './tempConfigs.ts';

const base = minimal.replace('r8-basic', 'nf-r8-basic');
const withArms = (...arms: string[]) =>
  `${base}study:\n  arms:\n${arms.map((set, i) => `    - { name: a${i}, set: ${set} }\n`).join('')}`;
const armProblems = (...arms: string[]) => problems({ 'x.yaml': withArms(...arms) });

describe('an arm is checked as the experiment it makes, when the config is loaded', () => {
  test('all problems in one pass, each where it was written', async () => {
    expect(
      await armProblems(
        '{ optimizer: { components: { lookahed: false, pnmm: false } } }',
        '{ optimizer: { components: [gc, acg], lr: -4 } }',
        '{ optimizer: { components: { agc: { clp: 1 }, gc: 3 }, wieghtDecay: 1 }, optimzer: 3 }',
        '{ optimizer: { components: null, core: 5 } }',
        '{ optimizer: null }',
        '{ train: { labelSmoothing: 2 } }',
      ),
    ).toEqual([
      'x.yaml:7:53  study.arms[0].set.optimizer.components.lookahed: unknown key; did you mean lookahead?',
      'x.yaml:7:70  study.arms[0].set.optimizer.components.pnmm: unknown key; did you mean pnm?',
      'x.yaml:8:56  study.arms[1].set.optimizer.components.acg: unknown key; did you mean agc?',
      'x.yaml:8:66  study.arms[1].set.optimizer.lr: must be greater than 0, got number -4',
      'x.yaml:9:60  study.arms[2].set.optimizer.components.agc.clp: unknown key; did you mean clip?',
      'x.yaml:9:74  study.arms[2].set.optimizer.components.gc: expected true, false or a map, got number 3',
      'x.yaml:9:79  study.arms[2].set.optimizer.wieghtDecay: unknown key; did you mean weightDecay?',
      'x.yaml:9:97  study.arms[2].set.optimzer: unknown key; did you mean optimizer?',
      'x.yaml:10:51  study.arms[3].set.optimizer.components: expected a list or a map, got null (no value)',
      'x.yaml:10:63  study.arms[3].set.optimizer.core: expected adamw, madgrad or a map, got number 5',
      'x.yaml:11:37  study.arms[4].set.optimizer: expected a map, got null (no value)',
      'x.yaml:12:51  study.arms[5].set.train.labelSmoothing: must be less than 1, got number 2',
    ]);
  });

  test('beside mistakes elsewhere, also where the block it changes is wrong itself', async () => {
    const text = withArms('{ optimizer: { components: { pnmm: false } } }').replace('lr: 1e-3', 'lrr: 1e-3');
    expect(await problems({ 'x.yaml': text.replace('epochs: 2', 'epochs: two') })).toEqual([
      'x.yaml:3:14  optimizer.lrr: unknown key; did you mean lr?',
      'x.yaml:4:18  train.epochs: expected number, got string "two"',
      'x.yaml:7:53  study.arms[0].set.optimizer.components.pnmm: unknown key; did you mean pnm?',
    ]);
  });

  test('with a frame, as outside an arm', async () => {
    expect(await complaint({ 'x.yaml': withArms('{ optimizer: { components: [pnmm] } }') }))
      .toBe(`x.yaml is not a valid experiment
x.yaml:7:52  study.arms[0].set.optimizer.components.pnmm: unknown key; did you mean pnm?
    6 |   arms:
  > 7 |     - { name: a0, set: { optimizer: { components: [pnmm] } } }
      |                                                    ^^^^
fix: correct the places above; \`ranger21 config schema\` prints every key`);
  });

  test('the same mistake outside an arm reads the same', async () => {
    const outside = base.replace('lr: 1e-3', 'components: { lookahed: false, pnmm: false }');
    expect((await problems({ 'x.yaml': outside })).map((line) => line.replace(/^\S+ /, ''))).toEqual(
      (await armProblems('{ optimizer: { components: { lookahed: false, pnmm: false } } }')).map((line) =>
        line.replace(/^\S+ /, '').replace('study.arms[0].set.', ''),
      ),
    );
  });

  test('a value that the arm inherits is told where that was written, one nobody wrote at the arm', async () => {
    const arm = withArms('{ optimizer: { core: madgrad } }');
    const momentum = 'madgrad has no momentum slot: set components.pnm: false, or core: adamw';
    expect(await problems({ 'x.yaml': arm })).toEqual([
      `x.yaml:7:23  study.arms[0].set.optimizer.components.pnm: ${momentum}`.replace('7:23', '7:26'),
    ]);
    const files = {
      'base.yaml': arm.replace('lr: 1e-3', 'components: { pnm: true }'),
      'x.yaml': 'extends: base.yaml\n',
    };
    expect(await problems(files)).toEqual([`base.yaml:3:33  optimizer.components.pnm: in arm a0: ${momentum}`]);
  });

  test('what all arms share, and what cannot be taken away', async () => {
    expect(await armProblems('{ train: { epochs: 3 }, model: { name: resnet20 }, stop: !delete }')).toEqual([
      'x.yaml:7:43  study.arms[0].set.train.epochs: all arms of a study share train.epochs: leave it out, or make a study of its own for it',
      'x.yaml:7:48  study.arms[0].set.model: all arms of a study share model: leave it out, or make a study of its own for it',
      'x.yaml:7:75  study.arms[0].set.stop: !delete takes away what a file inherits; in an arm write the value instead',
    ]);
  });

  test('conflicts between blocks', async () => {
    expect(await armProblems('{ optimizer: { components: { warmup: { steps: 40 } } } }')).toEqual([
      'x.yaml:7:53  study.arms[0].set.optimizer.components.warmup: the warm-up ends at step 40, after the warm-down starts (step 31 of 44); train longer, shorten components.warmup.steps, or switch one of the two off',
    ]);
  });

  test('a conflict of the config itself is told once, not for each arm', async () => {
    const text = withArms('{ optimizer: { lr: 1 } }', '{ optimizer: { lr: 2 } }').replace('batch: 64', 'batch: 1438');
    expect(await problems({ 'x.yaml': text })).toEqual([
      'x.yaml:4:28  train.batch: 1438 images a step, but digits has 1437 for training here',
    ]);
  });

  test('a flag that gives the arms is named', async () => {
    const flag = 'study.arms=[{ name: b, set: { optimizer: { core: madgrad, components: { pnmm: false } } } }]';
    expect(await problems({ 'x.yaml': base }, { set: [flag] })).toEqual([
      `--set ${flag}  study.arms[0].set.optimizer.components.pnm: madgrad has no momentum slot: set components.pnm: false, or core: adamw`,
      `--set ${flag}  study.arms[0].set.optimizer.components.pnmm: unknown key; did you mean pnm?`,
    ]);
  });

  test('a run of the same config does not mind its arms', async () => {
    const text = withArms('{ optimizer: { components: { pnmm: false } } }').replace(
      'study:',
      'study:\n  disable: [gc]',
    );
    const { experiment } = await load({ 'x.yaml': text }, { purpose: 'run', set: ['optimizer.name=adamw'] });
    expect(experiment.optimizer.components.pnm).toBe(false);
  });

  test('one that is valid gives the experiment that the study trains', async () => {
    const { experiment } = await load({ 'x.yaml': withArms('{ optimizer: { components: [gc], lr: 0.5 } }') });
    const [arm] = experiment.study!.arms!;
    const { optimizer } = armExperiment(experiment, arm!.set).experiment!;
    const on = Object.entries(optimizer.components).filter(([, options]) => options !== false);
    expect([optimizer.lr, on.map(([name]) => name)]).toEqual([0.5, ['gc']]);
  });
});

describe('a pattern that matches no parameter of the model', () => {
  const excluding = (options: string) => base.replace('lr: 1e-3', options);

  test.each([
    [
      'components: { agc: { exclude: ["*skipgain"] } }',
      'x.yaml:3:45  optimizer.components.agc.exclude[0]: "*skipgain"',
    ],
    [
      'components: { gc: { exclude: ["head/*", "*bais"] } }',
      'x.yaml:3:54  optimizer.components.gc.exclude[1]: "*bais"',
    ],
    ['components: { normloss: { exclude: [x] } }', 'x.yaml:3:50  optimizer.components.normloss.exclude[0]: "x"'],
    ['decay: { exclude: [head] }', 'x.yaml:3:33  optimizer.decay.exclude[0]: "head"'],
  ])('%s', async (options, place) => {
    const [line, ...others] = await problems({ 'x.yaml': excluding(options) });
    expect(others).toEqual([]);
    expect(line).toContain(`${place} matches no parameter of nf-r8-basic; nearest are `);
  });

  test('is told with the nearest names of that model', async () => {
    const told = await problems({ 'x.yaml': excluding('components: { agc: { exclude: ["*skipgain"] } }') });
    expect(told[0]).toMatch(
      /nearest are stage1\/block1\/skipGain, stage2\/block1\/skipGain, stage3\/block1\/skipGain$/,
    );
    const bare = minimal.replace('lr: 1e-3', 'decay: { exclude: ["*kernal"] }'); // batch norm, no gains
    expect((await problems({ 'x.yaml': bare }))[0]).toMatch(
      /of r8-basic; nearest are \S+\/kernel, \S+\/kernel, \S+\/kernel$/,
    );
  });

  test('in an arm', async () => {
    expect(await armProblems('{ optimizer: { components: { agc: { exclude: ["*skipgain"] } } } }')).toEqual([
      expect.stringContaining(
        'x.yaml:7:70  study.arms[0].set.optimizer.components.agc.exclude[0]: "*skipgain" matches no',
      ),
    ]);
  });

  test('is none where another setting of the model has it', async () => {
    const text = excluding('components: { agc: { exclude: ["*skipGain"] } }');
    expect(await problems({ 'x.yaml': text }, { set: ['model.preset=timm045'] })).toEqual([
      expect.stringContaining('"*skipGain" matches no parameter of nf-r8-basic'),
    ]);
    await loadExperiment(`${write({ 'x.yaml': text })}/x.yaml`); // and none with the model's own
  });

  test('also where only the files know how many images there are', async () => {
    const text = excluding('decay: { exclude: ["*bais"] }').replace('digits', 'imagefolder, classes: 3');
    expect(await problems({ 'x.yaml': text })).toEqual([expect.stringContaining('"*bais" matches no parameter')]);
  });
});
