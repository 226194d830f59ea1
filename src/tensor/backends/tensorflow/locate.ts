/** Where libtensorflow may lie on this machine, in the order in which it is looked for. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { homeFolder, variable } from '../../../environment.ts';

/** A folder or file that was looked at. */
export interface Candidate {
  readonly source: 'RANGER21_LIBTENSORFLOW' | 'cache' | 'tfjs-node' | 'python' | 'loader path';
  /** The folder (or file) looked at. */
  readonly where: string;
  /** The library with the C API, where there is one. */
  readonly library?: string;
  /** Libraries to load before it. */
  readonly before: readonly string[];
  /** As far as files tell, without loading. */
  readonly version?: string;
  /** Why it is no use, where it is none. */
  readonly refused?: string;
}

/** The record `setup` leaves beside the libraries. */
export interface Manifest {
  readonly schema: 1;
  readonly version: string;
  readonly source: string;
  /** Of the file given with --from, or of the library in the folder given. */
  readonly sourceSha256?: string;
  readonly platform: string;
  readonly gpu: boolean;
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

export const manifestName = 'manifest.json';

/** The per-user folder `setup` fills. */
export const cacheRoot = (): string =>
  join(variable('XDG_CACHE_HOME') ?? join(homeFolder(), '.cache'), 'ranger21', 'libtensorflow');

// wheels call the library with the C API libtensorflow_cc, the C distribution libtensorflow
const apiName = /^libtensorflow(_cc)?(\.so(\.\d+)*|(\.\d+)*\.dylib)$/;
const frameworkName = /^libtensorflow_framework(\.so(\.\d+)*|(\.\d+)*\.dylib)$/;

/** The C API library in a folder and what has to be loaded before it; the most specific name wins. */
export function librariesIn(folder: string): { library: string; before: string[] } | undefined {
  if (!existsSync(folder)) return undefined;
  const names = readdirSync(folder).sort((a, b) => b.length - a.length || (a < b ? 1 : -1));
  const library =
    names.find((name) => apiName.test(name) && name.includes('_cc')) ?? names.find((name) => apiName.test(name));
  if (!library) return undefined;
  const framework = names.find((name) => frameworkName.test(name));
  return { library: join(folder, library), before: framework ? [join(folder, framework)] : [] };
}

const inFolder = (source: Candidate['source'], where: string, version?: string): Candidate => {
  const found = librariesIn(where);
  if (!found) return { source, where, before: [], refused: 'no libtensorflow in this folder' };
  const named = version ?? /\.(\d+\.\d+\.\d+)$/.exec(found.library)?.[1];
  return { source, where, ...found, ...(named && { version: named }) };
};

/** A folder or a library file named by the user. */
function fromEnvironment(): Candidate[] {
  const value = variable('RANGER21_LIBTENSORFLOW');
  if (!value) return [];
  const path = resolve(value);
  const source = 'RANGER21_LIBTENSORFLOW';
  if (!existsSync(path)) return [{ source, where: path, before: [], refused: 'no such file or folder' }];
  if (!apiName.test(basename(path))) return [inFolder(source, path)];
  const before = librariesIn(dirname(path))?.before ?? [];
  return [{ source, where: path, library: path, before }];
}

/** Installations of `setup`, the newest version first. A folder without its manifest was never finished. */
function fromCache(): Candidate[] {
  const root = cacheRoot();
  if (!existsSync(root))
    return [{ source: 'cache', where: root, before: [], refused: 'nothing installed by `ranger21 setup`' }];
  const folders = readdirSync(root).filter(
    (name) => !name.startsWith('.') && existsSync(join(root, name, manifestName)),
  );
  if (folders.length === 0)
    return [{ source: 'cache', where: root, before: [], refused: 'nothing installed by `ranger21 setup`' }];
  const byVersion = new Intl.Collator('en', { numeric: true });
  return folders
    .sort((a, b) => byVersion.compare(b, a))
    .map((name) => {
      const where = join(root, name);
      const { version, gpu } = JSON.parse(readFileSync(join(where, manifestName), 'utf8')) as Manifest;
      return inFolder('cache', gpu ? join(where, 'tensorflow') : where, version);
    });
}

/** What an installed tfjs-node downloaded for itself. */
function fromTfjsNode(): Candidate[] {
  const require = createRequire(import.meta.url);
  return ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'].flatMap((name) => {
    let where: string;
    try {
      where = join(dirname(require.resolve(`${name}/package.json`)), 'deps', 'lib');
    } catch {
      return []; // not installed
    }
    return existsSync(where) ? [inFolder('tfjs-node', where)] : [];
  });
}

// asks the interpreter where the package lies, without importing it
const askPython = `
import importlib.util, importlib.metadata as m
spec = importlib.util.find_spec('tensorflow')
if spec and spec.submodule_search_locations:
    version = ''
    for name in ('tensorflow', 'tensorflow-cpu', 'tensorflow-intel', 'tf-nightly'):
        try:
            version = m.version(name); break
        except m.PackageNotFoundError: pass
    print(list(spec.submodule_search_locations)[0]); print(version)
`;

async function fromPython(): Promise<Candidate[]> {
  const home = variable('VIRTUAL_ENV') ?? variable('CONDA_PREFIX');
  const interpreters = [...(home ? [join(home, 'bin', 'python')] : []), 'python3', 'python'];
  const candidates: Candidate[] = [];
  for (const python of interpreters) {
    const answer = await promisify(execFile)(python, ['-c', askPython], { timeout: 20_000 }).catch(() => undefined);
    const [folder, version] = answer?.stdout.trim().split('\n') ?? [];
    if (!folder || candidates.some(({ where }) => where === folder)) continue;
    candidates.push(inFolder('python', folder, version || undefined));
  }
  return candidates;
}

/** The folders the system's loader searches, as far as they are known by name. */
function fromLoaderPath(): Candidate[] {
  const listed = (variable('LD_LIBRARY_PATH') ?? '').split(':').filter(Boolean);
  const usual = ['/usr/local/lib', '/usr/lib', '/usr/lib64', '/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu'];
  return [...listed, ...usual].filter((folder) => librariesIn(folder)).map((folder) => inFolder('loader path', folder));
}

const searches = [fromEnvironment, fromCache, fromTfjsNode, fromPython, fromLoaderPath];

/** Every place libtensorflow was looked for, in order. */
export async function allCandidates(): Promise<Candidate[]> {
  const found: Candidate[] = [];
  for (const search of searches) found.push(...(await search()));
  return found;
}

/** The first candidate that has a library, without looking further; one the user names is final. */
export async function* candidatesInOrder(): AsyncGenerator<Candidate> {
  for (const search of searches) {
    for (const candidate of await search()) {
      yield candidate;
      if (candidate.source === 'RANGER21_LIBTENSORFLOW') return;
    }
  }
}
