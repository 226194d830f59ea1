/** The built program, killed and told to stop in the middle of training. `npm test` builds it first. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { lastAttempt } from '../../src/runs/attempts.ts';
import { ranger21, temporary } from './ranger21.ts';

/** 40 steps on the digits. */
const set = [
  ...['dataset.train=160', 'dataset.test=40', 'train.batch=8', 'train.epochs=2', 'stop.stuckWithin=0', 'log.meters=9'],
  ...['eval.every=8 steps', 'checkpoint.every=3 steps'],
].flatMap((value) => ['--set', value]);
const run = (runs: string) => [
  'run',
  'configs/digits-nfresnet.yaml',
  ...set,
  '--runs',
  runs,
  '--backend',
  'onnx',
  '--json',
];
const ablate = (runs: string) => [
  'ablate',
  '--disable',
  'pnm',
  ...set,
  '--seeds',
  '1',
  '--runs',
  runs,
  '--backend',
  'onnx',
  '--threads',
  '1',
];

/** Starts it and calls `at` with each step it reports; how it ended and what it said. */
async function watched(args: readonly string[], at: (child: ChildProcess, step: number) => void) {
  const child = spawn(process.execPath, ['dist/cli/main.js', ...args], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  let errors = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (errors += text));
  child.on('message', (message) => at(child, (message as { step: number }).step));
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on('close', (...ended) => resolve(ended));
  });
  return { code, signal, errors };
}

const folder = (runs: string) => join(runs, readdirSync(runs)[0]!);
const text = (dir: string, file: string) => readFileSync(join(dir, file), 'utf8');
const weights = (dir: string) => (JSON.parse(text(dir, 'result.json')) as { weights: string }).weights;

describe('ranger21 run', () => {
  const straight = temporary();
  beforeAll(() => {
    const { code, stderr } = ranger21(run(straight));
    expect(code, stderr).toBe(0);
  });
  const expectSame = (runs: string) => {
    expect(weights(folder(runs))).toBe(weights(folder(straight)));
    for (const file of ['metrics.jsonl', 'evals.jsonl']) {
      expect(text(folder(runs), file), file).toBe(text(folder(straight), file));
    }
  };

  test('killed with -9 twice and asked again is the run that was not', async () => {
    const runs = temporary();
    const steps: number[] = [];
    for (const killAt of [14, 29]) {
      const { signal } = await watched(run(runs), (child, step) => {
        steps.push(step);
        if (step >= killAt) child.kill('SIGKILL');
      });
      expect(signal).toBe('SIGKILL');
      expect(lastAttempt(folder(runs))).toMatchObject({ isAlive: false });
      expect(lastAttempt(folder(runs))).not.toHaveProperty('ended');
      expect(ranger21(['ls', '--runs', runs]).stdout).toMatch(/ lost .*resumes from step \d+/);
    }
    const { code, errors } = await watched(run(runs), (_, step) => steps.push(step));
    expect([code, errors]).toEqual([
      0,
      expect.stringMatching(/process \d+ is gone and left the run unfinished: going on from step/),
    ]);
    expectSame(runs);
    expect(steps.length).toBeLessThan(2 * 40); // it went on, and did not start again
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGUSR2', 75],
  ] as const)(
    'told to stop by %s saves its state and ends with %i; asked again, it goes on',
    async (signal, expected) => {
      const runs = temporary();
      let told = 0;
      const stopped = await watched(run(runs), (child, step) => {
        if (step === 10) child.kill(signal);
        told = step;
      });
      expect([stopped.code, stopped.errors]).toEqual([
        expected,
        expect.stringContaining(`${signal}: finishing this step and saving`),
      ]);
      expect(told).toBeLessThan(40);
      expect(lastAttempt(folder(runs))!.ended).toMatchObject({ status: 'interrupted', step: told });
      const { code, stderr } = ranger21(run(runs));
      expect([code, stderr]).toEqual([
        0,
        expect.stringContaining(`interrupted at step ${told}: going on from step ${told}`),
      ]);
      expectSame(runs);
    },
  );

  test('told twice ends at once', async () => {
    const runs = temporary();
    const { signal } = await watched(run(runs), (child, step) => {
      if (step !== 10) return;
      child.kill('SIGINT');
      child.kill('SIGTERM');
    });
    expect(signal).toBe('SIGTERM'); // as a shell sees it, 143
    expect(ranger21(run(runs)).code).toBe(0);
    expectSame(runs);
  });

  test('with a time limit saves its state before and ends with 7', () => {
    const args = [
      'run',
      'configs/digits-nfresnet.yaml',
      '--set',
      'train.epochs=500',
      '--backend',
      'onnx',
      '--runs',
      temporary(),
    ];
    const { code, stderr } = ranger21([...args, '--time-limit', '4s']);
    expect([code, stderr]).toEqual([7, expect.stringContaining('time limit: finishing this step and saving')]);
    const slurm = ranger21(args, { SLURM_JOB_END_TIME: String(Math.ceil(Date.now() / 1000) + 4) });
    expect([slurm.code, slurm.stderr]).toEqual([7, expect.stringContaining('the Slurm job is about to end')]);
    expect(ranger21([...args, '--time-limit', 'soon']).code).toBe(2);
  });

  test('that another process trains is refused with 75', async () => {
    const runs = temporary();
    let second: { code: number | null; stderr: string } | undefined;
    const first = await watched(run(runs), (child, step) => {
      if (step !== 5) return;
      child.kill('SIGSTOP'); // alive, and going nowhere until it was looked at
      second = ranger21(run(runs));
      child.kill('SIGCONT');
    });
    expect(second).toMatchObject({
      code: 75,
      stderr: expect.stringMatching(/error: process \d+ is training/) as string,
    });
    expect(first.code).toBe(0);
    expectSame(runs);
  });
});

/** The last attempts at the runs of a study that is being trained. */
function attemptsOf(study: string) {
  try {
    const { runs: planned } = JSON.parse(text(study, 'plan.json')) as { runs: { path: string }[] };
    return planned.map(({ path }) => lastAttempt(join(study, path))).filter((attempt) => attempt !== undefined);
  } catch {
    return []; // not planned yet
  }
}

const until = async (isSo: () => boolean) => {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 20));
};

/** A table without what depends on the machine's speed and the clock. */
function timeless(study: string) {
  const isTime = /^(finishedAt|dataWaitShare)$|ms|seconds|minutes|speed/i;
  const table = JSON.parse(text(study, 'table.json'), (key, value: unknown) =>
    isTime.test(key) ? undefined : value,
  ) as { notes: string[] };
  return { ...table, notes: table.notes.filter((note) => !note.startsWith('the optimizer’s time')) };
}

describe('ranger21 ablate', () => {
  test('twice at once, one of them killed and started again, is the study that was left alone', async () => {
    const [alone, shared] = [temporary(), temporary()];
    expect(ranger21(ablate(alone)).code).toBe(0);

    // another trains beside it, and is killed twice while it holds a run
    const first = watched(ablate(shared), () => undefined);
    const planned = () => attemptsOf(join(shared, 'ablation'));
    let orphaned = 0;
    for (let kills = 0; kills < 2;) {
      const other = spawn(process.execPath, ['dist/cli/main.js', ...ablate(shared)], { stdio: 'ignore' });
      const gone = new Promise((resolve) => other.on('close', resolve));
      await until(() => other.exitCode !== null || planned().some(({ lease }) => lease?.pid === other.pid));
      if (other.exitCode !== null) break; // everything was trained
      other.kill('SIGKILL');
      await gone;
      kills += 1;
      orphaned += planned().filter(({ lease, ended }) => lease?.pid === other.pid && !ended).length;
    }
    expect(orphaned).toBeGreaterThan(0); // else nothing had to be taken over
    const { code, errors } = await first;
    expect(code, errors).toBe(0);
    const last = ranger21([...ablate(shared), '--jobs', '2']);
    expect(last.code, last.stderr).toBe(0);

    const { runs } = JSON.parse(text(join(alone, 'ablation'), 'plan.json')) as { runs: { path: string }[] };
    expect(runs).toHaveLength(4);
    for (const { path } of runs) {
      const [a, b] = [join(alone, 'ablation', path), join(shared, 'ablation', path)];
      expect(weights(b), path).toBe(weights(a));
      expect(text(b, 'metrics.jsonl'), path).toBe(text(a, 'metrics.jsonl'));
      expect(text(b, 'evals.jsonl'), path).toBe(text(a, 'evals.jsonl'));
    }
    expect(timeless(join(shared, 'ablation'))).toEqual(timeless(join(alone, 'ablation')));
  });

  test('told to stop by SIGTERM, as a whole job is, saves the state of every run under way', async () => {
    const runs = temporary();
    const args = [...ablate(runs).map((arg) => (arg === 'train.epochs=2' ? 'train.epochs=400' : arg)), '--jobs', '2'];
    const job = spawn(process.execPath, ['dist/cli/main.js', ...args], { stdio: 'ignore', detached: true });
    const code = new Promise((resolve) => job.on('close', resolve));
    const trained = () => attemptsOf(join(runs, 'ablation'));
    await until(() => trained().length === 2);
    process.kill(-job.pid!, 'SIGTERM'); // parent and children alike
    expect(await code).toBe(143);
    expect(trained().map(({ ended }) => ended?.status)).toEqual(['interrupted', 'interrupted']);
  });

  test('killed with -9 leaves no orphan: its children save their state and stop', async () => {
    const runs = temporary();
    const args = [...ablate(runs).map((arg) => (arg === 'train.epochs=2' ? 'train.epochs=400' : arg)), '--jobs', '2'];
    const parent = spawn(process.execPath, ['dist/cli/main.js', ...args], { stdio: 'ignore' });
    const trained = () => attemptsOf(join(runs, 'ablation'));
    await until(() => trained().length === 2);
    parent.kill('SIGKILL');
    await until(() => trained().every(({ isAlive }) => !isAlive));
    expect(trained().map(({ ended }) => ended?.status)).toEqual(['interrupted', 'interrupted']);
  });
});

test('three runs that begin with the same error end the study with 3', () => {
  const runs = temporary();
  expect(ranger21([...ablate(runs), '--time-limit', '0.01s']).code).toBe(7); // planned, and nothing trained
  const { runs: planned } = JSON.parse(text(join(runs, 'ablation'), 'plan.json')) as { runs: { path: string }[] };
  for (const { path } of planned) {
    rmSync(join(runs, 'ablation', path), { recursive: true, force: true });
    mkdirSync(join(runs, 'ablation', dirname(path)), { recursive: true });
    writeFileSync(join(runs, 'ablation', path), 'in the way');
  }
  const { code, stderr } = ranger21(ablate(runs));
  expect([code, stderr]).toEqual([
    3,
    expect.stringContaining('given up, since three runs began with the same error: cannot write <run>'),
  ]);
  expect(stderr.match(/^\[\d\/4\]/gm)).toHaveLength(3);
});

test('verify resume refuses to call a run exact that never went on from a checkpoint', () => {
  const args = ['verify', 'resume', 'configs/digits-nfresnet.yaml', ...set, '--backend', 'onnx', '--kills', '1'];
  const { code, stdout, stderr } = ranger21([...args, '--checkpoint-every', '1000']);
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(/0 times .* went on from a checkpoint: that proves nothing/),
  ]);
  expect(stdout).not.toContain('identical');
});
