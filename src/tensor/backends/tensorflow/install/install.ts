/**
 * Putting libtensorflow into the per-user cache: unpacked into a temporary folder beside its place and renamed into it
 * with its manifest, so that an installation is whole or not there.
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { exitCode, UserError } from '../../../../errors.ts';
import { cacheRoot, librariesIn, manifestName, type Manifest } from '../locate.ts';
import { defaultPlatforms, pipDownload } from './pip.ts';
import { unpackTarball } from './tarball.ts';
import { cudaRequirements, unpackWheel, wheelVersion } from './wheel.ts';

export interface InstallOptions {
  /** A wheel, a tar.gz of libtensorflow, or a folder with the libraries; absent: pip fetches a wheel. */
  readonly from?: string | undefined;
  readonly gpu: boolean;
  readonly version: string;
  readonly pythonVersion: string;
  readonly platform?: string | undefined;
}

export interface Progress {
  /** Of what follows: bytes in all, and what is done. */
  start(what: string, bytes: number): void;
  advance(bytes: number): void;
  end(): void;
}

export interface Installation {
  readonly folder: string;
  readonly manifest: Manifest;
  /** Whether it was there already. */
  readonly existing: boolean;
}

const gigabyte = 2 ** 30;
/** Downloads and unpacked libraries together, with room to spare; measured for 2.21. */
const spaceNeeded = { cpu: 1.5 * gigabyte, gpu: 12 * gigabyte };

const refuse = (message: string, remedy: string, cause?: unknown) =>
  new UserError(message, { remedy, code: exitCode.environment, cause });

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** Reads a manifest and checks every file it lists; undefined where one is missing or differs. */
async function intact(folder: string): Promise<Manifest | undefined> {
  if (!existsSync(join(folder, manifestName))) return undefined;
  const manifest = JSON.parse(readFileSync(join(folder, manifestName), 'utf8')) as Manifest;
  for (const [name, { bytes, sha256 }] of Object.entries(manifest.files)) {
    const path = join(folder, name);
    if (!existsSync(path) || statSync(path).size !== bytes || (await sha256Of(path)) !== sha256) return undefined;
  }
  return manifest;
}

/** Removes what setups that were killed have left; a running one's folder carries its process id. */
async function removeLeftovers(root: string): Promise<void> {
  for (const name of readdirSync(root)) {
    const owner = /^\.(\d+)-/.exec(name)?.[1];
    if (owner && !isRunning(Number(owner))) await rm(join(root, name), { recursive: true, force: true });
  }
}
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0); // signal 0 only asks
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const platformName = (platform: string | undefined): string => platform ?? `${process.platform}-${process.arch}`;

/** Installs libtensorflow, unless the same is there and whole. */
export async function install(options: InstallOptions, progress: Progress): Promise<Installation> {
  const root = cacheRoot();
  await mkdir(root, { recursive: true });
  await removeLeftovers(root);
  const version = options.from ? versionOf(options.from) : options.version;
  const folder = join(root, `${version}-${platformName(options.platform)}${options.gpu ? '-gpu' : ''}`);
  const given = options.from && (await sha256Of(contentFile(options.from)));
  const there = await intact(folder);
  if (there && (given === undefined || there.sourceSha256 === given))
    return { folder, manifest: there, existing: true };
  const { bavail, bsize } = await statfs(root);
  const needed = spaceNeeded[options.gpu ? 'gpu' : 'cpu'];
  if (bavail * bsize < needed) {
    const inGigabytes = (bytes: number) => (bytes / gigabyte).toFixed(1);
    throw refuse(
      `${root} has ${inGigabytes(bavail * bsize)} GiB free; this takes ${inGigabytes(needed)} GiB while it runs`,
      'free some space, or point XDG_CACHE_HOME to a larger disk',
    );
  }

  const temporary = await mkdtemp(join(root, `.${process.pid}-`));
  try {
    const content = join(temporary, 'content');
    await mkdir(content);
    const sources = options.from ? [resolve(options.from)] : await download(options, join(temporary, 'wheels'));
    const files: Record<string, { bytes: number; sha256: string }> = {};
    for (const source of sources) {
      for (const [name, sha256] of await unpackSource(source, content, options.gpu, progress)) {
        files[name] = { bytes: statSync(join(content, name)).size, sha256 };
      }
    }
    if (!librariesIn(options.gpu ? join(content, 'tensorflow') : content)) {
      throw refuse(
        `${sources.map((s) => basename(s)).join(', ')}: no libtensorflow inside`,
        'pass a tensorflow wheel, a libtensorflow tar.gz or a folder with the libraries',
      );
    }
    const manifest: Manifest = {
      schema: 1,
      version,
      source: sources.map((source) => basename(source)).join(' '),
      ...(given && { sourceSha256: given }),
      platform: platformName(options.platform),
      gpu: options.gpu,
      files,
    };
    await writeFile(join(content, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
    if (existsSync(folder)) await rename(folder, join(temporary, 'replaced'));
    await rename(content, folder);
    return { folder, manifest, existing: false };
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** The version a file's name carries; of a folder, its library's. */
function versionOf(from: string): string {
  const path = resolve(from);
  if (!existsSync(path))
    throw refuse(`${from}: no such file or folder`, 'pass a tensorflow wheel, a libtensorflow tar.gz or a folder');
  const name = statSync(path).isDirectory() ? basename(foldersWithin(path)[0]?.library ?? path) : basename(path);
  return wheelVersion(name) ?? /(\d+\.\d+\.\d+)/.exec(name)?.[1] ?? 'unversioned';
}

/** The file that tells one source from another: the source itself, or the library in a folder. */
function contentFile(from: string): string {
  if (statSync(from).isFile()) return from;
  const found = foldersWithin(from)[0];
  if (!found) throw refuse(`${from}: no libtensorflow inside`, 'pass the folder that holds the shared libraries');
  return found.library;
}

/** Where a folder given by the user may keep its libraries. */
const foldersWithin = (folder: string) =>
  [folder, join(folder, 'lib'), join(folder, 'tensorflow')].flatMap((place) => librariesIn(place) ?? []);

async function download({ gpu, version, pythonVersion, platform }: InstallOptions, folder: string): Promise<string[]> {
  await mkdir(folder);
  const platforms = platform ? [platform] : defaultPlatforms();
  const cpuOnly = process.platform === 'linux' && process.arch === 'x64' ? 'tensorflow-cpu' : 'tensorflow';
  const name = gpu ? 'tensorflow' : cpuOnly;
  const wheels = await pipDownload({ requirements: [`${name}==${version}`], pythonVersion, platforms }, folder);
  if (!gpu) return wheels;
  return pipDownload({ requirements: await cudaRequirements(wheels[0]!), pythonVersion, platforms }, folder);
}

/** Unpacks the libraries of one source; returns their names under `target` with their SHA-256. */
async function unpackSource(
  source: string,
  target: string,
  gpu: boolean,
  progress: Progress,
): Promise<Map<string, string>> {
  try {
    if (statSync(source).isDirectory()) return await copyFolder(source, target, progress);
    if (source.endsWith('.whl') || source.endsWith('.zip')) return await unpackWheel(source, target, gpu, progress);
    if (/\.(tar\.gz|tgz)$/.test(source)) {
      const library = /(^|\/)(libtensorflow(_framework|_cc)?(\.so(\.\d+)*|(\.\d+)*\.dylib))$/;
      const written = await unpackTarball(source, (name) => {
        const match = library.exec(name);
        return match ? join(target, match[2]!) : undefined;
      });
      return new Map([...written].map(([path, sha256]) => [basename(path), sha256]));
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw refuse(
      `${source} is refused: ${(error as Error).message}`,
      'fetch the file again and compare its checksum',
      error,
    );
  }
  throw refuse(`${source}: neither a wheel, a tar.gz nor a folder`, 'pass one of these with --from');
}

async function copyFolder(source: string, target: string, progress: Progress): Promise<Map<string, string>> {
  const found = foldersWithin(source)[0]!;
  const copied = new Map<string, string>();
  for (const library of [...found.before, found.library]) {
    progress.start(basename(library), statSync(library).size);
    const to = join(target, basename(library));
    await copyFile(library, to);
    copied.set(basename(library), await sha256Of(to));
    progress.end();
  }
  return copied;
}
