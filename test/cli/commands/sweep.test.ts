/** Searches by the built program, killed and continued. `npm test` builds it first. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { lastAttempt } from '../../../src/runs/attempts.ts';
import type { Ledger } from '../../../src/runs/tuning.ts';
import { ranger21, temporary } from '../ranger21.ts';

/** 160 training images of which 32 are held out: 16 steps a run. */
const small = [
  ...['dataset.train=160', 'dataset.test=40', 'train.batch=16', 'train.epochs=2', 'stop.stuckWithin=0', 'log.meters=0'],
  ...['checkpoint.every=3 steps', 'log.tensorboard=false'],
].flatMap((value) => ['--set', value]);
const engine = ['--backend', 'onnx', '--threads', '1'];
const range = ['--space', 'optimizer.lr={log: [1e-3, 1e-1]}'];
const sweep = (runs: string, trials: number, ...more: string[]) => [
  ...['sweep', 'configs/digits-nfresnet.yaml', ...small, ...range, '--trials', String(trials), '--seeds', '1'],
  ...['--runs', runs, ...engine, ...more],
];
const folder = (runs: string) => join(runs, 'digits-nfresnet-sweep');
const text = (dir: string, file: string) => readFileSync(join(dir, file), 'utf8');
const ledgerIn = (dir: string) => JSON.parse(text(dir, 'tuning.json')) as Ledger;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Starts it and kills it with -9 once `when` holds. */
async function killed(args: readonly string[], when: () => boolean): Promise<void> {
  const child = spawn(process.execPath, ['dist/cli/main.js', ...args], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.on('close', resolve));
  while (!when() && child.exitCode === null) await sleep(10);
  child.kill('SIGKILL');
  await ended;
}

const results = (dir: string): string[] => {
  try {
    return readdirSync(dir, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('result.json'))
      .sort();
  } catch {
    return []; // not planned yet
  }
};

describe('ranger21 sweep', () => {
  const straight = temporary();
  let first: ReturnType<typeof ranger21>;
  beforeAll(() => {
    first = ranger21(sweep(straight, 4));
    expect(first.code, first.stderr).toBe(0);
  });

  test('prints the trials, the best first, and says which it is', () => {
    const rows = first.stdout.trim().split('\n');
    expect(rows).toHaveLength(1 + 4);
    expect(rows[1]).toMatch(/^\*\s+t00\d/);
    const scores = rows.slice(1).map((row) => Number(/t\d{3}\s+([\d.]+)/.exec(row)?.[1]));
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(first.stderr).toMatch(/4 of 4 trials, 64 steps; best t00\d with [\d.]+ %: optimizer\.lr 0\.\d+/);
  });

  test('scores on a fifth of the training images', () => {
    const { data, trials } = ledgerIn(folder(straight));
    expect(data).toMatchObject({ train: 128, heldOut: 32 });
    // a share of 32 images
    for (const { score } of trials) expect(Math.abs(32 * score! - Math.round(32 * score!))).toBeLessThan(1e-6);
  });

  test('killed with -9 twice and asked again has the same ledger, and repeats no finished run', async () => {
    const runs = temporary();
    await killed(sweep(runs, 4), () => results(folder(runs)).length >= 1);
    const done = results(folder(runs));
    const before = done.map((path) => statSync(join(folder(runs), path)).mtimeMs);
    await killed(sweep(runs, 4), () => results(folder(runs)).length >= 3);
    const { code, stderr } = ranger21(sweep(runs, 4));
    expect(code, stderr).toBe(0);
    expect(text(folder(runs), 'tuning.json')).toBe(text(folder(straight), 'tuning.json'));
    expect(text(folder(runs), 'tuning.csv')).toBe(text(folder(straight), 'tuning.csv'));
    expect(done.map((path) => statSync(join(folder(runs), path)).mtimeMs)).toEqual(before);
    for (const path of done) expect(lastAttempt(join(folder(runs), path, '..'))).toMatchObject({ number: 1 });
  });

  test('asked again trains nothing; asked for more trains those only, and for fewer is refused', () => {
    const before = results(folder(straight));
    const again = ranger21(sweep(straight, 4, '--json'));
    expect(again.code, again.stderr).toBe(0);
    expect((JSON.parse(again.stdout) as Ledger).trials.map(({ trial }) => trial).sort()).toEqual(['t001', 't002', 't003', 't004']); // prettier-ignore
    const plan = ranger21(sweep(straight, 6, '--plan'));
    expect(plan.stderr).toMatch(/2 of 6 runs to train · 16 steps each/);
    expect(results(folder(straight))).toEqual(before);
    const more = ranger21(sweep(straight, 6, '--jobs', '2'));
    expect([more.code, more.stderr]).toEqual([0, expect.stringContaining('6 runs, 4 finished before')]);
    const fewer = ranger21(sweep(straight, 5));
    expect([fewer.code, fewer.stderr]).toEqual([2, expect.stringContaining('arm t006 left out')]);
  });

  test.each([
    ['optimizer.lr', /expected key=\{log: \[from, to\]\}/],
    ['optimizer.lrr={log: [1e-3, 1]}', /unknown key; did you mean optimizer\.lr\?/],
    ['optimizer.lr={logg: [1e-3, 1]}', /unknown kind of range logg; did you mean log\?/],
    ['optimizer.lr={log: [1, 1e-3]}', /the smaller first/],
    ['dataset.train={int: [1, 3]}', /dataset is the same for all runs/],
  ])('refuses --space %s with 2', (space, message) => {
    const { code, stderr } = ranger21([
      'sweep',
      'configs/digits-nfresnet.yaml',
      '--space',
      space,
      '--runs',
      temporary(),
    ]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });

  test('without a space says how to give one', () => {
    const { code, stderr } = ranger21(['sweep', 'configs/digits-nfresnet.yaml', '--runs', temporary()]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("--space 'optimizer.lr={log: [1e-4, 1e-1]}'")]);
  });
});

describe('ranger21 ablate with T1', () => {
  const search = '{ budget: 2, seeds: 1, space: { optimizer.lr: { log: [1e-3, 1e-1] } } }';
  const ablate = (runs: string, ...more: string[]) => [
    ...[
      'ablate',
      'configs/digits-nfresnet.yaml',
      ...small,
      '--set',
      'study.tier=T1',
      '--set',
      `study.search=${search}`,
    ],
    ...['--disable', 'lookahead', '--seeds', '1', '--study', 'tuned', '--runs', runs, ...engine, ...more],
  ];

  test('tunes, freezes and measures; killed while tuning and continued, it is the same study', async () => {
    const [straight, runs] = [temporary(), temporary()];
    const plan = ranger21(ablate(straight, '--plan', '--json'));
    expect(plan.code, plan.stderr).toBe(0);
    expect((JSON.parse(plan.stdout) as { tuning: object }).tuning).toMatchObject({
      trials: { search: { ranger21: 2, adamw: 2, 'adamw+sched': 2 }, line: {} },
      runs: 6,
      missing: 6,
      stepsPerRun: 16,
    });
    expect(ranger21(ablate(straight, '--plan', '--save-plan', join(straight, 'p.json'))).stderr).toMatch(
      /not chosen yet/,
    );

    const { code, stdout, stderr } = ranger21(ablate(straight));
    expect(code, stderr).toBe(0);
    const folder = (root: string) => join(root, 'tuned');
    const ledger = ledgerIn(folder(straight));
    const frozen = JSON.parse(text(folder(straight), 'plan.json')) as {
      arms: { name: string; experiment: { optimizer: { lr: number }; dataset: object }; inherits?: string }[];
    };
    for (const { arm, values } of ledger.arms) {
      const lr = frozen.arms.find(({ name }) => name === arm)!.experiment.optimizer.lr;
      expect(lr, arm).toBe(values['optimizer.lr']);
    }
    expect(frozen.arms.find(({ name }) => name === '-lookahead')).toMatchObject({ inherits: 'ranger21' });
    for (const { experiment } of frozen.arms) expect(experiment.dataset).not.toHaveProperty('holdOut');
    expect(stdout).toContain('T1: 2 halton trials for each headline arm (lr 0.001 … 0.1, log), 1 seed each');
    expect(stdout).toContain('tuned(2)');

    await killed(ablate(runs), () => results(join(folder(runs), 'tuning')).length >= 2);
    expect(() => text(folder(runs), 'plan.json')).toThrow(); // nothing is measured before all is tuned
    const again = ranger21(ablate(runs));
    expect(again.code, again.stderr).toBe(0);
    expect(text(folder(runs), 'tuning.json')).toBe(text(folder(straight), 'tuning.json'));
    expect(text(folder(runs), 'plan.json')).toBe(text(folder(straight), 'plan.json'));

    const saved = join(straight, 'p.json');
    expect(ranger21(ablate(straight, '--plan', '--save-plan', saved)).code).toBe(0);
    const from = ranger21(['ablate', '--from', saved, '--runs', straight, ...engine]);
    expect([from.code, from.stderr]).toEqual([0, expect.stringContaining('4 runs, 4 finished before')]);

    // published without the runs of its search, a study is not tuned again
    rmSync(join(folder(straight), 'tuning'), { recursive: true });
    const kept = ranger21(ablate(straight));
    expect([kept.code, kept.stdout]).toEqual([0, stdout]);
    expect(kept.stderr).not.toContain('tuned-tuning');
    expect(results(join(folder(straight), 'tuning'))).toEqual([]);
  }, 240_000);
});
