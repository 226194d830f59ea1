/** Searches with a trainer that computes a closed form instead of training: what is chosen, frozen, flagged and told. */
import { describe, expect, test } from 'vitest';
import { searchSchema, type SearchBlock } from '../../../src/config/search.ts';
import type { Experiment } from '../../../src/config/schema.ts';
import type { Dataset } from '../../../src/data/dataset.ts';
import { UserError } from '../../../src/errors.ts';
import { arms } from '../../../src/experiment/study/ablation.ts';
import { makePlan } from '../../../src/experiment/study/plan.ts';
import { refusals } from '../../../src/experiment/table/refusals.ts';
import { checkBudgets } from '../../../src/experiment/search/budgets.ts';
import { scoredTrials } from '../../../src/experiment/search/ledger.ts';
import { tuningNotes } from '../../../src/experiment/search/notes.ts';
import { searchPoints } from '../../../src/experiment/search/points.ts';
import { searchSeeds, trialPlan, withArms, withSearch } from '../../../src/experiment/search/trialPlan.ts';
import { trialCounts, tunedArms } from '../../../src/experiment/search/tunedArms.ts';
import { searchTrials, type Trial } from '../../../src/experiment/search/trials.ts';
import { ledgerCsv, trialsText } from '../../../src/report/ledgerText.ts';
import type { RunEntry } from '../../../src/runs/list.ts';
import type { Arm, StudyPlan } from '../../../src/runs/study.ts';
import type { TrialRecord } from '../../../src/runs/tuning.ts';
import { sampleExperiment } from '../../runs/sample.ts';

const base = sampleExperiment({ optimizer: { lr: 0.01 } });
const split = (count: number) => ({ count, labels: Uint8Array.from({ length: count }, (_, i) => i % 10) });
const heldOut = { fingerprint: 'f'.repeat(64), shape: [8, 8, 1], classes: 10, train: split(80), test: split(20) } as unknown as Dataset; // prettier-ignore
const block = (over: Partial<SearchBlock>): SearchBlock => ({ ...searchSchema.parse({ seeds: [7, 8] }), ...over });
const space: SearchBlock['space'] = {
  'optimizer.lr': { log: [1e-4, 1] },
  'optimizer.components.agc.clip': { log: [1e-3, 1e-1] },
};

type Outcome = number | 'stuck' | 'failed';
type Objective = (experiment: Experiment, seed: number, trial: Trial) => Outcome;

/** Top-1 falls with the square of the decades from the best learning rate. */
const parabola =
  (best: number) =>
  ({ optimizer }: Pick<Experiment, 'optimizer'>): number =>
    0.9 - 0.05 * Math.log10(optimizer.lr / best) ** 2;

function trainer(objective: Objective, { seeds }: SearchBlock) {
  const stages: string[] = [];
  const train = (stage: string, trials: readonly Trial[]): Promise<TrialRecord[]> => {
    stages.push(`${stage} ${trials.length}`);
    const plan = trialPlan('s', trials, seeds as number[], heldOut);
    const entries = plan.runs.map((run): RunEntry => {
      const trial = trials.find(({ name }) => name === run.arm)!;
      const top1 = objective(trial.experiment, run.seed, trial);
      const state = typeof top1 === 'number' ? 'completed' : top1;
      const known = { ...run, dir: run.path, attempts: 0, state } as const;
      if (top1 === 'failed') return known;
      const last = { step: 40, epoch: 2, loss: 1, top1: typeof top1 === 'number' ? top1 : 0.99 };
      return { ...known, result: { steps: 40, last } as unknown as NonNullable<RunEntry['result']> };
    });
    return Promise.resolve(scoredTrials(trials, plan, entries, { chance: 0.1, folder: '' }));
  };
  return { train, stages };
}

const study = (tier: 'T1' | 'T2', search: SearchBlock, choice: Parameters<typeof arms>[1]): StudyPlan =>
  withSearch(
    makePlan({
      study: 's',
      arms: arms(base, choice),
      seeds: [0, 1],
      fingerprint: 'e'.repeat(64),
      protocol: { alpha: 0.05, delta: 0.002, tier, headline: 'adamw+sched' },
    }),
    search,
  );

const named = (all: readonly Arm[] | undefined, name: string): Arm => all!.find((arm) => arm.name === name)!;
const lrOf = (all: readonly Arm[] | undefined, name: string) => named(all, name).experiment.optimizer.lr;

describe('T1', () => {
  const search = block({ space, budget: 16 });
  const plan = study('T1', search, { disable: ['pnm', 'lookahead'], addOneIn: true, controls: ['aa', 'twice'] });
  // the full optimizer is best at 0.003, plain AdamW at 0.03; without the schedule at 0.3; on a line, ten times the arm's own
  const objective: Objective = (experiment, _, { arm, by }) =>
    by === 'line' ? parabola(100)(experiment) : parabola(arm === 'ranger21' ? 0.003 : arm === 'adamw' ? 0.3 : 0.03)(experiment); // prettier-ignore

  test('gives every headline arm the trial nearest to its optimum, of equally many', async () => {
    const { train, stages } = trainer(objective, search);
    const tuned = await tunedArms(plan, search, train);
    expect(stages[0]).toBe('search 48');
    for (const { experiment } of searchTrials('ranger21', base, search)) {
      expect(experiment.dataset).toEqual({ ...base.dataset, holdOut: 0.2 });
    }
    for (const [arm, best] of [['ranger21', 0.003], ['adamw', 0.3], ['adamw+sched', 0.03]] as const) {
      // the trials themselves say which is nearest
      const rates = searchTrials(arm, base, search).map(({ experiment }) => experiment.optimizer.lr);
      const nearest = rates.sort((a, b) => Math.abs(Math.log(a / best)) - Math.abs(Math.log(b / best)))[0];
      expect(lrOf(tuned.arms, arm), arm).toBe(nearest);
      expect(named(tuned.arms, arm).tuning).toMatchObject({ trials: 16, by: 'search', edge: false, failed: 0 });
    } // prettier-ignore
    expect(tuned.records.filter(({ by }) => by === 'search').map(({ budget, runs, steps }) => [budget, runs, steps])).toEqual(
      [[16, 32, 1280], [16, 32, 1280], [16, 32, 1280]], // 16 trials of 2 seeds of 40 steps each
    ); // prettier-ignore
  });

  test('other arms inherit from the arm they are compared with; a line is trained where the step is rescaled', async () => {
    const { train, stages } = trainer(objective, search);
    const { arms: tuned } = await tunedArms(plan, search, train);
    const [full, sched] = [lrOf(tuned, 'ranger21'), lrOf(tuned, 'adamw+sched')];
    expect(named(tuned, '-lookahead')).toMatchObject({ inherits: 'ranger21', experiment: { optimizer: { lr: full } } });
    expect(named(tuned, '+lookahead')).toMatchObject({
      inherits: 'adamw+sched',
      experiment: { optimizer: { lr: sched } },
    });
    // the line's best is its last factor, 4: the objective still rises there, which is an edge
    expect(lrOf(tuned, '-pnm')).toBeCloseTo(4 * full, 12);
    expect(lrOf(tuned, '+pnm')).toBeCloseTo(4 * sched, 12);
    expect(named(tuned, '-pnm').tuning).toMatchObject({ trials: 5, by: 'line', edge: true, edges: ['optimizer.lr'] });
    expect(stages).toEqual(['search 48', 'line 15']); // -pnm, -pnm-lookahead and +pnm
    for (const control of ['aa', 'twice']) {
      expect(named(tuned, control).experiment.optimizer).toEqual(named(tuned, 'ranger21').experiment.optimizer);
    }
    expect(trialCounts(plan, search)).toEqual({
      search: { ranger21: 16, adamw: 16, 'adamw+sched': 16 },
      line: { '-pnm': 5, '-pnm-lookahead': 5, '+pnm': 5 },
    });
  });

  test('freezes values into experiments that train on all the data, with the study’s own seeds', async () => {
    const { train } = trainer(objective, search);
    const frozen = withArms(plan, (await tunedArms(plan, search, train)).arms!);
    for (const { experiment } of frozen.arms) expect(experiment.dataset).toEqual(base.dataset);
    expect(new Set(frozen.runs.map(({ seed }) => seed))).toEqual(new Set([0, 1, 1_000_000, 1_000_001]));
    expect(frozen.protocol!.search).toMatchObject({ budget: 16, seeds: [7, 8], holdOut: 0.2 });
  });

  test('an option of a component that is off is not searched in that arm', async () => {
    const clips: unknown[] = [];
    const { train } = trainer((experiment, _, { arm, values }) => {
      if (arm === 'adamw') clips.push(values['optimizer.components.agc.clip']);
      return parabola(0.01)(experiment);
    }, search);
    const { arms: tuned } = await tunedArms(plan, search, train);
    expect(new Set(clips)).toEqual(new Set([undefined]));
    expect(named(tuned, 'adamw').experiment.optimizer.components.agc).toBe(false);
    const { agc } = named(tuned, 'ranger21').experiment.optimizer.components;
    expect(named(tuned, '-lookahead').experiment.optimizer.components.agc).toEqual(agc);
  });

  test.each([
    [1e-9, 'low'],
    [1e9, 'high'],
  ] as const)('an optimum at %d lies at the %s edge, which the arm’s tuning says', async (best, end) => {
    const tuned = await tunedArms(plan, search, trainer(parabola(best), search).train);
    expect(tuned.records[0]!.edges).toContainEqual({ key: 'optimizer.lr', end });
    expect(named(tuned.arms, 'ranger21').tuning).toMatchObject({ edge: true });
  });

  test('a run that got stuck counts as guessing, whatever it scored before; one that broke leaves the trial unfinished', async () => {
    const rates = searchTrials('x', base, search).map(({ experiment }) => experiment.optimizer.lr);
    const objective: Objective = ({ optimizer }, seed) => (optimizer.lr === rates[0] && seed === 7 ? 'stuck' : 0.5);
    const { train } = trainer(objective, search);
    const { trials } = await tunedArms(plan, search, train);
    expect(trials[0]).toMatchObject({ status: 'scored', score: (0.1 + 0.5) / 2, loss: null, isBest: false });
    expect(trials[1]!.isBest).toBe(true); // all others alike: the first of them

    const broken = trainer(({ optimizer }) => (optimizer.lr === rates[3] ? 'failed' : 0.5), search);
    const unfinished = await tunedArms(plan, search, broken.train);
    expect(unfinished.arms).toBeUndefined();
    expect(unfinished.trials[3]).toMatchObject({ status: 'unfinished', score: null });
    expect(broken.stages).toEqual(['search 48']); // no line about values that are not known
  });

  test('an arm that never trains is given its first trial, which a note says', async () => {
    const { train } = trainer(
      (experiment, _, { arm }) => (arm === 'adamw' ? 'stuck' : parabola(0.01)(experiment)),
      search,
    );
    const { arms: tuned } = await tunedArms(plan, search, train);
    expect(named(tuned, 'adamw').tuning).toMatchObject({ trials: 16, failed: 16 });
    expect(tuningNotes(withArms(plan, tuned!))).toContain(
      'no trial of adamw trained: its hyperparameters are the first that were tried',
    );
  });

  test('few trials, and edges of other hyperparameters, are noted', async () => {
    const few = block({ space, budget: 8 });
    const small = study('T1', few, { disable: ['pnm'] });
    const { train } = trainer(({ optimizer }) => {
      const { agc } = optimizer.components;
      return 0.5 + (agc === false ? 0 : agc.clip);
    }, few);
    const { arms: tuned } = await tunedArms(small, few, train);
    const notes = tuningNotes(withArms(small, tuned!));
    expect(notes).toContainEqual(expect.stringMatching(/^8 trials an arm are few/));
    expect(notes).toContain('the best components.agc.clip of ranger21 lies at the edge of its search');
  });
});

describe('T2', () => {
  const search = block({ line: [0.1, 0.25, 0.5, 1, 2, 4, 10] });
  const plan = study('T2', search, { disable: ['pnm'], controls: ['aa'] });

  test('every arm gets the best of its line, and the rates as good as it', async () => {
    // 0.9 − 0.05 d² is within half a point of the best for |d| ≤ √0.1 decades: factors from 0.483 to 2.07
    const { train, stages } = trainer(parabola(0.01), search);
    const { arms: tuned, records } = await tunedArms(plan, search, train);
    expect(stages).toEqual(['line 28']);
    for (const { best, lrRange, edges } of records) {
      expect(best).toMatch(/\.lr4$/);
      expect(lrRange).toEqual([0.005, 0.02]);
      expect(edges).toEqual([]);
    }
    expect(named(tuned, '-pnm').tuning).toMatchObject({ trials: 7, by: 'line', lrRange: [0.005, 0.02] });
    expect(named(tuned, 'aa')).toMatchObject({ inherits: 'ranger21' });
  });

  test('a good rate beyond a bad one is not part of the range', async () => {
    const scores = [0.9, 0.2, 0.899, 0.9001, 0.898, 0.2, 0.9];
    const { train } = trainer((_, __, { name }) => scores[Number(name.at(-1)) - 1]!, search);
    const { records } = await tunedArms(plan, search, train);
    expect(records[0]!.lrRange).toEqual([0.005, 0.02]);
  });
});

describe('unequal budgets', () => {
  const search = block({ space, budget: 4 });
  const plan = study('T1', search, {
    disable: ['pnm'],
    arms: [{ name: 'adamw-tuned', set: { optimizer: { lr: 0.5 } }, tuned: { trials: 50, edge: false } }],
  });
  const withHeadline = { ...plan, protocol: { ...plan.protocol!, headline: 'adamw-tuned' } };

  test('are refused before training and by the table', async () => {
    const { arms: tuned } = await tunedArms(withHeadline, search, trainer(parabola(0.01), search).train);
    const frozen = withArms(withHeadline, tuned!);
    expect(lrOf(tuned, 'adamw-tuned')).toBe(0.5); // tuned elsewhere: left alone
    expect(() => checkBudgets(frozen)).toThrow(UserError);
    expect(() => checkBudgets(frozen)).toThrow(/ranger21 4 trials, .*adamw-tuned 50 trials/);
    expect(refusals(frozen, [])).toEqual([expect.stringMatching(/^search budgets differ: 4 trials \(ranger21, adamw, adamw\+sched\); 50 trials \(adamw-tuned\)/)]); // prettier-ignore
    expect(() => checkBudgets(plan)).toThrow(/ranger21 none/); // not tuned at all
  });

  test('equal ones are not, and shared hyperparameters promise none', async () => {
    const equal = study('T1', search, { disable: ['pnm'] });
    const { arms: tuned } = await tunedArms(equal, search, trainer(parabola(0.01), search).train);
    expect(() => checkBudgets(withArms(equal, tuned!))).not.toThrow();
    expect(refusals(withArms(equal, tuned!), [])).toEqual([]);
    expect(() => checkBudgets({ ...plan, protocol: { ...plan.protocol!, tier: 'T0' } })).not.toThrow();
  });
});

test('an arm’s own learning rate stays: neither inherited nor on a line', async () => {
  const search = block({ space, budget: 4 });
  const own = [
    { name: 'hot', set: { optimizer: { lr: 0.7 } } },
    { name: 'mad', set: { optimizer: { core: 'madgrad', components: { pnm: false, softplus: false } } } },
    { name: 'hot-mad', set: { optimizer: { lr: 0.7, core: 'madgrad', components: { pnm: false, softplus: false } } } },
  ];
  const plan = study('T1', search, { disable: ['gc'], arms: own });
  const { arms: tuned } = await tunedArms(plan, search, trainer(parabola(0.01), search).train);
  expect(lrOf(tuned, 'hot')).toBe(0.7);
  expect(lrOf(tuned, 'hot-mad')).toBe(0.7);
  for (const name of ['hot', 'hot-mad']) expect(named(tuned, name).tuning).toBeUndefined();
  expect(named(tuned, 'mad').tuning).toMatchObject({ by: 'line', trials: 5 }); // another core: another scale
});

test('an arm of the user’s own may leave out what its study disables, or what its study searches', () => {
  const withStudy = sampleExperiment({ study: { disable: ['pnm'], search: { space } } });
  const set = { optimizer: { components: { pnm: false, agc: false } } };
  const own = arms(withStudy, { disable: ['pnm'], arms: [{ name: 'own', set }] }).find(({ name }) => name === 'own');
  expect(own!.experiment.optimizer.components).toMatchObject({ pnm: false, agc: false });
  expect(own!.experiment.study).toEqual(withStudy.study);
});

describe('seeds', () => {
  test('of trials are none that is measured', () => {
    expect(searchSeeds(block({ seeds: 3 }), [0, 1, 1_000_000])).toEqual([2_000_000, 2_000_001, 2_000_002]);
    expect(() => searchSeeds(block({ seeds: [1, 5] }), [0, 1])).toThrow(/chosen on seeds that are measured too: 1/);
  });
});

describe('a grid', () => {
  const grid = (budget: number, ranges: SearchBlock['space']) =>
    searchPoints({ design: 'grid', budget, scramble: 0 }, Object.values(ranges)).map((point) => point.join(' '));

  test('goes from end to end, with as many values as the budget allows', () => {
    expect(grid(5, { a: { log: [1, 2] } })).toEqual(['0', '0.25', '0.5', '0.75', '1']);
    expect(grid(10, { a: { log: [1, 2] }, b: { linear: [0, 1] } })).toEqual(['0 0', '0 0.5', '0 1', '0.5 0', '0.5 0.5', '0.5 1', '1 0', '1 0.5', '1 1']); // prettier-ignore
    expect(grid(100, { a: { int: [1, 3] }, b: { choice: ['x', 'y'] } })).toHaveLength(6);
    expect(() => grid(3, { a: { log: [1, 2] }, b: { linear: [0, 1] } })).toThrow(/is 4 trials, of 3/);
  });
});

test('the ledger as text and CSV: best first, every run in a line', async () => {
  const search = block({ space: { 'optimizer.lr': { log: [1e-3, 1e-1] } }, budget: 3, design: 'grid' });
  const trials = searchTrials('x', base, search, '');
  const { train } = trainer(({ optimizer }, seed) => (optimizer.lr === 0.1 ? 'stuck' : 0.5 + optimizer.lr + (seed - 7) / 100), search); // prettier-ignore
  const records = await train('search', trials);
  const { ledgerArms } = await import('../../../src/experiment/search/ledger.ts');
  const ledger = {
    schema: 1,
    study: 's',
    tier: null,
    search: { design: 'grid', budget: 3, seeds: [7, 8], holdOut: 0.2, space: {}, line: [] },
    data: { fingerprint: '', train: 80, heldOut: 20 },
    ...ledgerArms(records),
  } as const;
  expect(trialsText(ledger).split('\n').map((line) => line.trim().split(/\s{2,}/))).toEqual([
    ['trial', 'held-out top-1', 'seed 7', 'seed 8', 'loss', 'optimizer.lr'],
    ['*', 't002', '51.50', '51.00', '52.00', '1.0000', '0.01'],
    ['t001', '50.60', '50.10', '51.10', '1.0000', '0.001'],
    ['t003', '10.00', 'stuck', 'stuck', '–', '0.1'],
  ]); // prettier-ignore
  const lines = ledgerCsv(ledger).trim().split('\r\n');
  expect(lines).toHaveLength(1 + 6);
  expect(lines[5]).toMatch(/^s,x,t003,search,0\.1,failed,0\.1,,false,7,stuck,,,40,[0-9a-f]{64}$/);
});
