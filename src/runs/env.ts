/** What a run ran on and from, for `env.json`. No host, user or folder name: results are made to be shared. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, realpath } from 'node:fs/promises';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { BackendRecord } from './metrics.ts';

/** The content of `env.json`. */
export interface Environment {
  readonly schema: 1;
  readonly backend: BackendRecord;
  /** Version of ranger21. */
  readonly version: string;
  /** The commit the code is at, and whether it was edited since; null outside a checkout. */
  readonly git: { readonly sha: string; readonly dirty: boolean } | null;
  /** SHA-256 of package-lock.json: the versions of all dependencies; null where the package came without it. */
  readonly lockfile: string | null;
  readonly node: string;
  readonly platform: string;
  readonly cpu: { readonly model: string; readonly cores: number };
  readonly memoryBytes: number;
  /** Where the images it is evaluated on come from, in words; only of data sets where there is a choice. */
  readonly heldOut?: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
}

const packageRoot = fileURLToPath(new URL('../../', import.meta.url));

/** The environment of a run about to start on this backend. */
export async function captureEnv(backend: BackendRecord): Promise<Environment> {
  const [version, git, lockfile] = await Promise.all([
    packageVersion(),
    commit(packageRoot),
    fileHash(`${packageRoot}package-lock.json`),
  ]);
  return {
    schema: 1,
    backend,
    version,
    git,
    lockfile,
    node: process.version,
    platform: `${platform()} ${release()} ${arch()}`,
    cpu: { model: cpus()[0]?.model.trim() ?? 'unknown', cores: cpus().length },
    memoryBytes: totalmem(),
    startedAt: new Date().toISOString(),
  };
}

async function packageVersion(): Promise<string> {
  return (JSON.parse(await readFile(`${packageRoot}package.json`, 'utf8')) as { version: string }).version;
}

const execute = promisify(execFile);

/** The commit of the checkout whose top is `folder`; null if it is none, has no commit yet, or git is not installed. */
export async function commit(folder: string): Promise<Environment['git']> {
  const git = async (...args: string[]) => (await execute('git', ['-C', folder, ...args])).stdout.trim();
  try {
    // An installed package lies inside somebody else's checkout, whose commit says nothing about this code.
    if ((await realpath(await git('rev-parse', '--show-toplevel'))) !== (await realpath(folder))) return null;
    const edited = await git('status', '--porcelain', '--', '.', ':(exclude)runs'); // what a run writes edits no code
    return { sha: await git('rev-parse', 'HEAD'), dirty: edited !== '' };
  } catch {
    return null;
  }
}

async function fileHash(path: string): Promise<string | null> {
  try {
    return createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw cause;
  }
}
