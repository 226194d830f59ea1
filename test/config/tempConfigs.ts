import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { loadExperiment } from '../../src/config/load.ts';

const root = mkdtempSync(join(tmpdir(), 'ranger21-config-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;

/** Writes files into a folder of their own and returns the folder. */
export function write(files: Readonly<Record<string, string>>): string {
  const dir = join(root, String(folders++));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return dir;
}

/** The smallest valid experiment. */
export const minimal = `model: { name: r8-basic }
dataset: { name: digits }
optimizer: { lr: 1e-3 }
train: { epochs: 2, batch: 64 }
`;

type Options = NonNullable<Parameters<typeof loadExperiment>[1]>;

/** Loads `x.yaml` of a folder made of `files`. */
export const load = (files: Readonly<Record<string, string>>, options: Options = {}) =>
  loadExperiment(join(write(files), 'x.yaml'), { env: {}, ...options });

/** The message of the UserError that loading ends in, paths relative to the folder. */
export async function complaint(files: Readonly<Record<string, string>>, options: Options = {}): Promise<string> {
  const dir = write(files);
  try {
    await loadExperiment(join(dir, 'x.yaml'), { env: {}, ...options });
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 2) throw error;
    return `${error.message}\nfix: ${error.remedy}`.replaceAll(`${dir}/`, '');
  }
  throw new Error('it loaded');
}

/** The complaint without its title, frames and remedy: a line a problem. */
export const problems = async (...[files, options]: Parameters<typeof complaint>): Promise<string[]> =>
  (await complaint(files, options)).split('\n').filter((line) => /^(\S+:\d+:\d+|--(un)?set .*?) {2}/.test(line));
