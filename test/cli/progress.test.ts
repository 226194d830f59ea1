import { spawn, spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { barLine, startProgress } from '../../src/cli/progress.ts';
import { isAbsent } from '../backends.ts';
import { temporary } from './ranger21.ts';

describe('the line of the bar', () => {
  const state = { share: 0.25, counts: '15/60 steps  ETA 1m30s', note: 'epoch 1.0/4  loss 2.3026  1000 img/s' };

  test('has counts and ETA whatever the width, and the rest as far as there is room', () => {
    expect(barLine('digits', state, 120)).toBe(
      `digits ${'█'.repeat(10)}${'░'.repeat(30)} 15/60 steps  ETA 1m30s  epoch 1.0/4  loss 2.3026  1000 img/s`,
    );
    // 60 columns: 6 of the name and 22 of the counts leave none for a bar beside the note of 36
    expect(barLine('digits', state, 60)).toBe('digits 15/60 steps  ETA 1m30s  epoch 1.0/4  loss 2.3026  100');
    expect(barLine('digits', { ...state, note: '' }, 60)).toBe(
      `digits ${'█'.repeat(8)}${'░'.repeat(22)} 15/60 steps  ETA 1m30s`,
    );
    expect(barLine('a-config-with-a-name-as-long-as-a-line', state, 40)).toBe(
      'a-config-with-a-… 15/60 steps  ETA 1m30s',
    );
  });

  test('is never longer than the terminal is wide', () => {
    for (let width = 1; width < 130; width++) expect(barLine('digits', state, width).length).toBeLessThanOrEqual(width);
  });
});

describe('the time left, on a clock of the test’s own', () => {
  let lines: string[];
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
    lines = [];
    vi.spyOn(console, 'error').mockImplementation((line) => void lines.push(String(line)));
    vi.stubEnv('CI', 'yes'); // plain lines
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  });

  test('is not known before anything was done, then what is left at the pace so far', () => {
    const progress = startProgress('study', 4, 'run');
    vi.advanceTimersByTime(10_000);
    progress.update(0, 'first step');
    vi.advanceTimersByTime(10_000);
    progress.update(0, 'still the first');
    vi.advanceTimersByTime(10_000);
    progress.update(0.5, 'half of it'); // in 20 s, so 3.5 are 140 s
    vi.advanceTimersByTime(20_000);
    progress.update(1, ''); // in 40 s, so 3 are 120 s
    expect(lines).toEqual([
      'study run 0/4  ETA ?  first step',
      'study run 0/4  ETA ?  still the first',
      'study run 0/4  ETA 2m20s  half of it',
      'study run 1/4  ETA 2m00s  ',
    ]);
  });

  test('leaves out what a run had done before it was taken up again', () => {
    const progress = startProgress('run', 1000, 'step');
    progress.update(901, '');
    vi.advanceTimersByTime(10_000);
    progress.update(911, ''); // ten steps in 10 s, 89 are left
    expect(lines).toEqual(['run step 911/1000  ETA 1m29s  ']);
  });
});

const noPty = spawnSync('python3', ['-c', 'import pty']).status !== 0;
const skipped = isAbsent('pty', noPty ? 'no python3 with the module pty (not on Windows)' : undefined);

test.skipIf(skipped)('a terminal of 60 columns shows an ETA in every line of a study and of a run', async () => {
  const { CI: _, ...env } = process.env; // in which nothing is redrawn
  const values = ['dataset.train=64', 'dataset.test=20', 'train.batch=8', 'train.epochs=3', 'stop.stuckWithin=0'];
  const set = [...values.flatMap((value) => ['--set', value]), '--backend', 'onnx', '--threads', '1'];
  const inTerminal = (...args: string[]) =>
    new Promise<string>((resolve) => {
      const main = ['dist/cli/main.js', ...args, ...set, '--runs', temporary()];
      const child = spawn('python3', ['test/cli/terminal.py', '24', '60', process.execPath, ...main], {
        env: { ...env, TERM: 'xterm' },
      });
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
      child.on('close', () => resolve(output));
    });
  for (const [args, counted] of [
    [['run', 'configs/digits-nfresnet.yaml'], /\d+\/24 steps/],
    [['ablate', 'configs/digits-nfresnet.yaml', '--disable', 'pnm', '--seeds', '1'], /\d+\/4 runs/],
  ] as const) {
    const output = await inTerminal(...args);
    const drawn = output.split(/\u001b\[1G/).filter((line) => counted.test(line)); // each goes to the first column
    expect(drawn.length, output).toBeGreaterThan(1);
    for (const line of drawn) expect(line).toMatch(/ ETA (\?|\d+s|\d+m\d\ds)/);
    expect(output).not.toMatch(/ETA (NaN|N|I|undefined)/);
  }
});
