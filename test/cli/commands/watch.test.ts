/** `watch` in a real terminal and outside one, while a real study trains. `npm test` builds the program first. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { isAbsent } from '../../backends.ts';
import { ranger21, temporary } from '../ranger21.ts';

const noPty = spawnSync('python3', ['-c', 'import pty']).status !== 0;
const skipped = isAbsent('pty', noPty ? 'no python3 with the module pty (not on Windows)' : undefined);

const study = (runs: string, epochs: number) => [
  ...['ablate', 'configs/digits-nfresnet.yaml', '--disable', 'pnm', '--seeds', '1', '--study', 'live', '--runs', runs],
  ...['--backend', 'onnx', '--threads', '1', '--set', 'dataset.train=320', '--set', 'dataset.test=80'],
  ...[
    '--set',
    'train.batch=16',
    '--set',
    `train.epochs=${epochs}`,
    '--set',
    'stop.stuckWithin=0',
    '--set',
    'log.tensorboard=false',
  ],
];
const main = 'dist/cli/main.js';
const { CI: _, ...env } = process.env; // in which nothing is redrawn

interface Running {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<number | null>;
}

const begun: ChildProcess[] = [];
afterEach(() => begun.splice(0).forEach((child) => child.kill('SIGKILL')));

function start(command: string, args: readonly string[]): Running {
  const process = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'], env: { ...env, TERM: 'xterm' } });
  begun.push(process);
  let output = '';
  process.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  return { process, output: () => output, ended: new Promise((resolve) => process.on('close', resolve)) };
}
const node = (...args: readonly string[]) => start(process.execPath, [main, ...args]);
const inTerminal = (rows: number, columns: number, ...args: readonly string[]) =>
  start('python3', ['test/cli/terminal.py', String(rows), String(columns), process.execPath, main, ...args]);

async function until(holds: () => boolean, what: string): Promise<void> {
  for (const since = Date.now(); !holds(); await new Promise((resolve) => setTimeout(resolve, 50))) {
    if (Date.now() - since > 60_000) throw new Error(`waited a minute until ${what}`);
  }
}

/** What a terminal shows after it was sent this: the few sequences a redrawn table needs, and any other is an error. */
function screenOf(text: string): { lines: string[]; cursor: boolean } {
  const lines: string[] = [];
  let [row, column, cursor] = [0, 0, true];
  for (const [token, , parameter = '', final] of text.matchAll(/(\u001b\[(\??\d*)([A-Za-z]))|[^]/g)) {
    const line = (lines[row] ??= '');
    if (final === undefined) {
      if (token === '\r') column = 0;
      else if (token === '\n') row += 1;
      else {
        lines[row] = line.slice(0, column).padEnd(column) + token + line.slice(column + 1);
        column += 1;
      }
    } else if (final === 'A') row = Math.max(0, row - Number(parameter));
    else if (final === 'K') lines[row] = line.slice(0, column);
    else if (final === 'J' && parameter === '') lines.splice(row + (column > 0 ? 1 : 0));
    else if (final === 'J' && parameter === '2') lines.length = 0;
    else if (final === 'H') [row, column] = [0, 0];
    else if (parameter === '?25') cursor = final === 'h';
    else throw new Error(`the terminal was sent ${JSON.stringify(token)}`);
  }
  return { lines: lines.map((line) => line.trimEnd()).filter((line) => line !== ''), cursor };
}

describe.skipIf(skipped)('watch', () => {
  test('a study from its first step to its end: a table redrawn, lines, and JSON', async () => {
    const runs = temporary();
    const training = node(...study(runs, 3));
    await until(() => existsSync(join(runs, 'live', 'plan.json')), 'there is a plan');
    const terminal = inTerminal(10, 90, 'watch', 'live', '--runs', runs);
    const lines = node('watch', 'live', '--runs', runs);
    const json = node('watch', 'live', 'arm=ranger21', '--runs', runs, '--json');
    await until(() => / running /.test(screenOf(terminal.output()).lines.join('\n')), 'a run is shown running');
    terminal.process.stdin!.write('size 5 60\n');
    expect(await Promise.all([training, terminal, lines, json].map(({ ended }) => ended))).toEqual([0, 0, 0, 0]);

    const screen = screenOf(terminal.output());
    expect(screen.lines[0]).toBe('live: 4 runs, 4 done');
    expect(screen.lines).toHaveLength(4); // five rows, the last for the cursor: summary, head, one run, how many more
    expect(screen.lines[2]).toMatch(/^ranger21 seed 0 +done +60\/60 +3\.0\/3 /);
    expect(screen.lines[3]).toBe('… and 3 more: 3 done');
    expect(Math.max(...screen.lines.map(({ length }) => length))).toBeLessThan(60);
    expect(screen.cursor).toBe(true);

    for (const arm of ['ranger21', '-pnm', 'adamw', 'adamw+sched']) {
      const own = lines
        .output()
        .split('\n')
        .filter((line) => line.includes(`  ${arm} seed 0: `));
      expect(own.at(-1), arm).toMatch(/: done {2}step 60\/60 {2}epoch 3\.0 {2}loss \d\.\d{4} {2}top-1 \d+\.\d\d %$/);
    }
    expect(lines.output()).toMatch(/ seed 0: running/);
    expect(lines.output()).not.toContain('\u001b');
    expect(lines.output().trimEnd()).toMatch(/live: 4 runs, 4 done$/);

    const rows = json
      .output()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(new Set(rows.map(({ arm }) => arm))).toEqual(new Set(['ranger21']));
    expect(rows.at(-1)).toMatchObject({ schema: 1, study: 'live', state: 'done', step: 60, totalSteps: 60 });
    expect(readdirSync(join(runs, 'live')).filter((name) => /lock|watch/.test(name))).toEqual(['.plan-locks']); // the plan's own
  });

  test('ends with Ctrl-C and leaves the terminal as it was; a killed run is dead', async () => {
    const runs = temporary();
    const training = node(...study(runs, 300));
    await until(() => existsSync(join(runs, 'live', 'ranger21')), 'a run has begun');
    const terminal = inTerminal(20, 100, 'watch', 'live', '--runs', runs);
    await until(
      () => /ranger21 seed 0 +running/.test(screenOf(terminal.output()).lines.join('\n')),
      'the run is shown running',
    );
    terminal.process.stdin!.write('key 3\n');
    expect(await terminal.ended).toBe(130);
    const screen = screenOf(terminal.output());
    expect(screen.lines[0]).toMatch(/^live: ETA \S+, 4 runs, 1 running, 3 queued/);
    expect(screen.lines).toHaveLength(6);
    expect(screen.cursor).toBe(true);

    training.process.kill('SIGKILL');
    await training.ended;
    const once = ranger21(['watch', 'live', '--once', '--json', '--runs', runs]);
    expect(once.code).toBe(0);
    const { runs: views, hasEnded } = JSON.parse(once.stdout) as { runs: { state: string }[]; hasEnded: boolean };
    expect(views.map(({ state }) => state)).toEqual(['dead', 'queued', 'queued', 'queued']);
    expect(hasEnded).toBe(false);
    expect(ranger21(['watch', 'live', '--once', '--runs', runs]).stdout).toContain('; no process is training it\n');
  });
});

test('a study that is not there is refused', () => {
  expect(ranger21(['watch', 'nowhere', '--runs', temporary()])).toMatchObject({ code: 2, stdout: '' });
});
