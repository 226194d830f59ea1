/** The built program, run as a user runs it. `npm test` builds it first. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export const temporary = (): string => mkdtempSync(join(tmpdir(), 'ranger21-cli-'));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `cwd`: the working folder; by default the repository. */
export function ranger21(args: readonly string[], env: Record<string, string> = {}, cwd?: string): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, [resolve('dist/cli/main.js'), ...args], {
    encoding: 'utf8',
    cwd,
    env: { ...process.env, ...env },
  });
  return { code: status, stdout, stderr };
}
