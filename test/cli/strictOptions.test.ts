import { mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CommanderError, type CommandUnknownOpts, type Option } from '@commander-js/extra-typings';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { buildProgram } from '../../src/cli/program.ts';
import { ranger21, temporary } from './ranger21.ts';

let told = '';
beforeEach(() => {
  told = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((told += String(text)), true));
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** What the program says of a command line it does not take. */
async function refusal(...argv: string[]): Promise<string> {
  const error: unknown = await buildProgram()
    .parseAsync(argv, { from: 'user' })
    .then(
      () => 'accepted',
      (cause: unknown) => cause,
    );
  if (!(error instanceof CommanderError) || error.exitCode === 0) throw new Error(`not refused: ${argv.join(' ')}`);
  return told.split('\n')[0]!;
}

/** Every command with its words, the program's own options aside. */
const commands = (command: CommandUnknownOpts, words: readonly string[] = []): [string[], CommandUnknownOpts][] =>
  command.commands.flatMap((child) => {
    const path = [...words, child.name()];
    return [[path, child] as [string[], CommandUnknownOpts], ...commands(child, path)];
  });

/** A value the option's own check takes. */
function someValue(option: Option): string {
  const isTaken = (value: string) => {
    try {
      option.parseArg?.(value, undefined);
      return true;
    } catch {
      return false;
    }
  };
  return option.argChoices?.[0] ?? ['20', '0.2', '30s', 'cpu', 'adamw', 'r8-basic@8x2', 'plain', 'onnx'].find(isTaken)!;
}

const repeatable = [
  ...['--set', '--unset', '--disable', '--space', '--case', '--backend', '--optimizer', '--torch-forms'],
  ...['--sort', '--columns'],
];

describe('an option that takes one value refuses a second', () => {
  const program: CommandUnknownOpts = buildProgram();
  const options = commands(program).flatMap(([words, command]) =>
    command.options
      .filter(({ required, optional }) => required || optional)
      .map((option): [string, string[], Option] => [`${words.join(' ')} ${option.long}`, words, option]),
  );
  test('of which there are many', () => expect(options.length).toBeGreaterThan(80));

  test.each(options)('%s', async (_, words, option) => {
    const value = someValue(option);
    const isList = repeatable.includes(option.long!) && !(option.long === '--backend' && words[0] !== 'bench');
    const told = await refusal(...words, option.long!, value, option.long!, value, '--no-such-option');
    if (isList) expect(told).toMatch(/^error: (unknown|required) option/);
    else expect(told).toBe(`error: option '${option.flags}' is given twice, and takes one value`);
  });

  test('a switch and its opposite contradict each other', async () => {
    expect(await refusal('run', 'x.yaml', '--no-resume', '--resume')).toBe(
      "error: options '--no-resume' and '--resume' contradict each other",
    );
  });

  test('and an empty one, such as a variable of the shell that is not set', async () => {
    expect(await refusal('run', 'x.yaml', '--runs', '')).toBe("error: option '--runs <dir>' has an empty value");
  });

  test('with exit code 2 and nothing on stdout', () => {
    const { code, stdout, stderr } = ranger21(['ls', '--runs', 'a', '--runs', 'b']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain("option '--runs <dir>' is given twice");
  });
});

test('--disable may be repeated, each time with one name or several', () => {
  const runs = join(temporary(), 'runs');
  const disabled = (...args: string[]) => {
    const { stdout, stderr } = ranger21(['ablate', ...args, '--plan', '--json', '--seeds', '1', '--runs', runs]);
    expect(stdout, stderr).not.toBe('');
    return (JSON.parse(stdout) as { arms: { name: string }[] }).arms.map(({ name }) => name);
  };
  const arms = ['ranger21', '-pnm', '-agc', '-gc', '-agc-gc-pnm', 'adamw', 'adamw+sched'];
  expect(disabled('--disable', 'pnm', '--disable', 'agc,gc')).toEqual(arms);
  expect(disabled('--disable', 'pnm,agc,gc')).toEqual(arms);
});

describe('a misspelt word gets a suggestion', () => {
  test.each([
    [['ablate', '--diable', 'pnm'], "error: unknown option '--diable'"],
    [
      ['sweep', 'x.yaml', '--design', 'haltn'],
      "error: option '--design <name>' argument 'haltn' is invalid. Did you mean halton? Allowed choices are halton, sobol, grid, random.",
    ],
    [
      ['run', 'x.yaml', '--backend', 'onx'],
      "error: option '--backend <name>' argument 'onx' is invalid. Did you mean onnx? Allowed choices are auto, tensorflow, onnx, cpu.",
    ],
    [
      ['bench', '--torch-forms', 'plain,fusd'],
      "error: option '--torch-forms <names>' argument 'plain,fusd' is invalid. Did you mean fused? Allowed choices are plain, foreach, fused.",
    ],
  ])('%o', async (argv, expected) => expect(await refusal(...argv)).toBe(expected));

  test('among the options', async () => {
    await refusal('ablate', '--diable', 'pnm');
    expect(told).toContain('Did you mean --disable?');
  });

  // what PyTorch, JAX and ONNX Runtime call these devices
  test.each([
    ['cuda', 'gpu'],
    ['cuda:0', 'gpu:0'],
    ['CUDA:1', 'gpu:1'],
    ['gpu1', 'gpu:1'],
    ['GPU', 'gpu'],
    ['gpus', 'gpu'],
    ['cpu:0', 'cpu'],
    ['mps', 'webgpu'],
    ['wgpu', 'webgpu'],
  ])('--device %s: did you mean %s?', async (given, meant) => {
    expect(await refusal('run', 'x.yaml', '--device', given)).toBe(
      `error: option '--device <name>' argument '${given}' is invalid. Did you mean ${meant}? Devices are cpu, gpu, gpu:N and webgpu.`,
    );
  });

  test.each([
    ['onnx', 'gpu', 'use --device cpu or webgpu, or --backend tensorflow'],
    ['tensorflow', 'webgpu', 'use --device cpu or gpu, or --backend onnx'],
    ['cpu', 'gpu:1', 'use --device cpu, or --backend tensorflow'],
  ])('a device that backend %s has on no machine is refused before anything is read: %s', (backend, device, remedy) => {
    const runs = temporary();
    const { code, stderr } = ranger21(['run', 'none.yaml', '--backend', backend, '--device', device, '--runs', runs]);
    expect([code, stderr]).toEqual([2, `error: backend ${backend} has no device ${device}\n  fix: ${remedy}\n`]);
    expect(readdirSync(runs)).toEqual([]);
  });
});

describe('an empty environment variable counts as unset', () => {
  const set = ['dataset.train=32', 'dataset.test=20', 'train.batch=8', 'train.epochs=1', 'stop.stuckWithin=0'];

  test('RANGER21_RUNS_DIR and RANGER21_BACKEND: runs go to `runs`, not into the working folder', () => {
    const folder = temporary();
    mkdirSync(join(folder, 'runs'));
    const args = ['run', resolve('configs/digits-nfresnet.yaml'), ...set.flatMap((one) => ['--set', one])];
    const env = { RANGER21_RUNS_DIR: '', RANGER21_BACKEND: '' };
    const { code, stderr } = ranger21(args, env, folder);
    expect(code, stderr).toBe(0);
    expect(readdirSync(folder)).toEqual(['runs']);
    expect(readdirSync(join(folder, 'runs'))).toHaveLength(1);
  });

  test('HOME: the cache is the user’s, not a folder of the working one', async () => {
    for (const name of ['HOME', 'XDG_CACHE_HOME', 'LOCALAPPDATA', 'USERPROFILE']) vi.stubEnv(name, '');
    const [{ cacheRoot }, { defaultRoot }] = await Promise.all([
      import('../../src/tensor/backends/tensorflow/locate.ts'),
      import('../../src/data/prepared.ts'),
    ]);
    for (const folder of [cacheRoot(), defaultRoot('mnist', join('x', 'node_modules', 'ranger21'))]) {
      expect(folder).toBe(resolve(folder));
    }
  });
});
