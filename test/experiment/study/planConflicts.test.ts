import { describe, expect, test } from 'vitest';
import { planConflicts } from '../../../src/experiment/study/planConflicts.ts';
import { load, minimal, problems } from '../../config/tempConfigs.ts';

const told = (study: string, from = minimal) =>
  problems({ 'x.yaml': `${from}study:\n  ${study}\n` }, { alsoCheck: planConflicts });

describe('what would keep a study from being planned is found without its data, with its place', () => {
  test.each<[string, string, string[]]>([
    [
      'a headline that is no arm',
      'headline: adamw+shed',
      ['x.yaml:6:13  study.headline: no arm of this study is named "adamw+shed"; did you mean adamw+sched?'],
    ],
    [
      'arms compared with none, or with themselves',
      'arms: [{ name: a, set: { optimizer: { lr: 1 } }, reference: rangr21 }, { name: b, set: { optimizer: { lr: 2 } }, reference: b }]',
      [
        'x.yaml:6:63  study.arms[0].reference: no arm of this study is named "rangr21"; did you mean ranger21?',
        'x.yaml:6:127  study.arms[1].reference: an arm cannot be compared with itself: name another, or leave this out to compare it with the full optimizer',
      ],
    ],
    [
      'names that are taken, by another arm of the user’s own or by the design',
      'arms: [{ name: adamw, set: { optimizer: { lr: 1 } } }, { name: a, set: { optimizer: { lr: 2 } } }, { name: a, set: { optimizer: { lr: 3 } } }]',
      [
        'x.yaml:6:18  study.arms[0].name: another arm of this study is named adamw',
        'x.yaml:6:110  study.arms[2].name: another arm of this study is named a',
      ],
    ],
    [
      'an arm that is another one',
      'arms: [{ name: a, set: { optimizer: { components: { pnm: false } } } }]',
      ['x.yaml:6:10  study.arms[0]: the same experiment as -pnm: leave it out, or set something that differs'],
    ],
    [
      'two screening designs',
      'design: [factorial, plackett-burman]',
      [
        'x.yaml:6:11  study.design: no one screening design has factorial and plackett-burman for 10 components: ask for plackett-burman (at most 11 components) or factorial (at most 10), not for both',
      ],
    ],
    [
      'seeds that the A/A arm trains with',
      'seeds: [0, 1000000]\n  controls: [aa]',
      [
        'x.yaml:6:10  study.seeds: the A/A arm trains with the seeds + 1000000, which are seeds of this study too: choose smaller seeds, or leave aa out of study.controls',
      ],
    ],
    [
      'more seeds than a study can have',
      'seeds: 10001',
      ['x.yaml:6:10  study.seeds: 10001 seeds from 0 on are too many: at most 10000, none above 9007199254740991'],
    ],
    [
      'a search on seeds that are measured',
      'tier: T2\n  seeds: 2\n  search: { seeds: [1, 5] }',
      [
        'x.yaml:8:20  study.search.seeds: 1 are measured too: choose hyperparameters on others than the study and its A/A arm (seed + 1000000) have, or give a number',
      ],
    ],
    [
      'an arm tuned with another number of trials',
      'tier: T2\n  arms: [{ name: a, set: { optimizer: { lr: 1 } }, tuned: { trials: 3 } }]',
      [
        'x.yaml:7:69  study.arms[0].tuned.trials: T2 gives each arm it tunes 5 trials: leave `tuned` out, so that this arm is searched here too, or declare T0',
      ],
    ],
    [
      'several at once, beside a mistake inside an arm',
      'headline: b\n  arms: [{ name: a, set: { optimizer: { lr: -1 } }, reference: b }]',
      [
        expect.stringContaining('x.yaml:6:13  study.headline: no arm of this study is named "b"; arms are ranger21, '),
        'x.yaml:7:45  study.arms[0].set.optimizer.lr: must be greater than 0, got number -1',
        expect.stringContaining('x.yaml:7:64  study.arms[0].reference: no arm of this study is named "b"; arms are '),
      ],
    ],
  ])('%s', async (_, study, expected) => expect(await told(study)).toEqual(expected));

  test('a target that ends runs early, and nothing to leave out', async () => {
    expect(await told('seeds: 2', `${minimal}stop: { target: { metric: top1, value: 0.5 } }\n`)).toEqual([
      expect.stringMatching(/^x\.yaml:5:9 {2}stop\.target: would end the arms of a study at different steps/),
    ]);
    expect(await told('seeds: 2', minimal.replace('lr: 1e-3', 'name: adamw'))).toEqual([
      expect.stringMatching(/^x\.yaml:3:1 {2}optimizer: every component is off, so there is nothing to leave out/),
    ]);
  });

  test('nothing of a study that can be planned', async () => {
    const study = 'study: { headline: a, arms: [{ name: a, set: { optimizer: { lr: 1 } }, reference: adamw }] }\n';
    const { experiment } = await load({ 'x.yaml': minimal + study }, { alsoCheck: planConflicts });
    expect(experiment.study?.headline).toBe('a');
  });
});

describe('a search that cannot be', () => {
  test('holds out so much that a batch is left over', async () => {
    // half of 100 images are 50, of which no batch of 64 can be made
    const few = minimal.replace('name: digits', 'name: digits, train: 100');
    expect(await told('search: { holdOut: 0.5 }', few)).toEqual([
      'x.yaml:6:22  study.search.holdOut: leaves a trial 50 training images, fewer than a batch of 64',
    ]);
  });

  test('has a range of which an end makes no experiment', async () => {
    expect(await told('search: { space: { optimizer.components.warmup.steps: { choice: [5, 40] } } }')).toEqual([
      'x.yaml:6:22  study.search.space.optimizer.components.warmup.steps: 40 is not possible: the warm-up ends at step 40, after the warm-down starts (step 31 of 44); train longer, shorten components.warmup.steps, or switch one of the two off',
    ]);
  });
});

test('expecting a top-5 that is not measured', async () => {
  const text = `${minimal}expect: { testTop5: { atLeast: 0.9 }, source: x }\n`;
  expect(await problems({ 'x.yaml': text })).toEqual([
    'x.yaml:5:11  expect.testTop5: top-5 is measured from 100 classes on, and digits has 10',
  ]);
});
