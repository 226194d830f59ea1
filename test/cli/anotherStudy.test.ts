import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ranger21, temporary } from './ranger21.ts';

const set = (...values: string[]) => values.flatMap((value) => ['--set', value]);
const tiny = set('dataset.train=32', 'dataset.test=20', 'train.batch=8', 'train.epochs=1', 'stop.stuckWithin=0');
const config = ['configs/digits-nfresnet.yaml', '--seeds', '1', ...tiny];

/** The command that the error ends in; it starts the program as the test did. */
function remedyOf(stderr: string): string {
  expect(stderr).toContain('was planned differently');
  expect(stderr).toContain('train anything else as a study of its own');
  return stderr.trimEnd().split('\n').at(-1)!.trim();
}

/** Types a command line into a shell. */
const typed = (command: string) => spawnSync('bash', ['-c', command], { encoding: 'utf8' });

describe.skipIf(process.platform === 'win32')('a study planned differently', () => {
  test('is told with the command to type, which trains it under a free name', () => {
    const runs = join(temporary(), "somebody's runs"); // a name that a shell takes apart
    const ablate = (...args: string[]) => ranger21(['ablate', ...config, '--runs', runs, ...args]);
    expect(ablate('--disable', 'pnm').code).toBe(0);
    const { code, stderr } = ablate('--disable', 'agc,gc+swd');
    expect([code, stderr]).toEqual([2, expect.stringContaining('  arm -pnm left out\n')]);
    const command = remedyOf(stderr);
    expect(command).toMatch(/^node \S*dist\/cli\/main\.js ablate .* --study digits-nfresnet-agc-gc-swd$/);

    const again = typed(command);
    expect(again.status, again.stderr).toBe(0);
    const [, name] = / --study (\S+)$/.exec(command)!;
    expect(readdirSync(runs).sort()).toEqual(['digits-nfresnet', name]);
    const arms = readdirSync(join(runs, name!)).filter((entry) => /^[-+a-z]/.test(entry));
    expect(arms).toEqual(expect.arrayContaining(['-agc', '-gc-swd', '-agc-gc-swd']));
    // where that name is taken too, the next is free
    expect(remedyOf(ablate('--disable', 'agc,gc+swd').stderr)).toBe(`${command}-2`);
  });

  test('also where the user chose the name, or the config changed', () => {
    const runs = temporary();
    const ablate = (...args: string[]) => ranger21(['ablate', ...config, '--disable', 'pnm', '--runs', runs, ...args]);
    expect(ablate('--study', 'mine').code).toBe(0);
    const { stderr } = ablate('--study', 'mine', '--set', 'optimizer.lr=0.02');
    expect(stderr).toContain('optimizer.lr: 0.01 → 0.02');
    const command = remedyOf(stderr);
    expect(command).toMatch(/ --set optimizer\.lr=0\.02 --study mine-2$/);
    expect(command).not.toContain('--study mine ');
    expect(typed(`${command} --plan`).status).toBe(0);
  });

  test('before anything is searched for it', () => {
    const runs = temporary();
    const search = '{ budget: 2, seeds: 1, holdOut: 0.25, space: { optimizer.lr: { log: [1e-3, 1e-2] } } }';
    const tuned = set('study.tier=T1', `study.search=${search}`);
    const ablate = (...args: string[]) => ranger21(['ablate', ...config, ...tuned, '--runs', runs, ...args]);
    expect(ablate('--disable', 'warmup').code).toBe(0);
    const before = readdirSync(runs, { recursive: true });
    const { code, stderr } = ablate('--disable', 'warmdown');
    expect([code, stderr]).toEqual([2, expect.stringContaining('  arm -warmup left out\n')]);
    expect(readdirSync(runs, { recursive: true })).toEqual(before);
    expect(remedyOf(stderr)).toContain(' --study digits-nfresnet-warmdown');
  });

  test('of a sweep', () => {
    const runs = temporary();
    const sweep = (range: string) =>
      ranger21([
        ...['sweep', ...config, '--trials', '2', '--runs', runs],
        ...['--space', `optimizer.lr={log: ${range}}`],
      ]);
    expect(sweep('[1e-3, 1e-2]').code).toBe(0);
    const command = remedyOf(sweep('[1e-4, 1e-2]').stderr);
    expect(command).toContain(" --space 'optimizer.lr={log: [1e-4, 1e-2]}' ");
    const again = typed(command);
    expect(again.status, again.stderr).toBe(0);
  });
});
