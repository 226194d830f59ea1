import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { UserError } from '../errors.ts';
import { readWithinSync } from './boundedFile.ts';
import { sha256 } from './sha256.ts';
import type { Files, KnownFile, Source } from './source.ts';
import { untar } from './tar.ts';

/** Throws where a file is not the one it should be: size first, then SHA-256. */
export function checkFile(bytes: Uint8Array, expected: KnownFile, path: string): Uint8Array {
  const remedy = 'the file is cut off, altered or another version: fetch it again';
  if (bytes.length !== expected.sizeBytes) {
    throw new UserError(`${path} has ${bytes.length} bytes, expected ${expected.sizeBytes}`, { remedy });
  }
  const found = sha256(bytes);
  if (found !== expected.sha256) {
    throw new UserError(`${path} has SHA-256 ${found}, expected ${expected.sha256}`, { remedy });
  }
  return bytes;
}

/** Uncompresses gzip into at most `limit` bytes; anything else is returned as it is. */
export function inflate(bytes: Uint8Array, limit: number, path: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: limit });
  } catch (cause) {
    const isTooLong = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    const found = isTooLong
      ? `uncompresses to more than ${limit} bytes`
      : `is not sound gzip (${(cause as Error).message})`;
    throw new UserError(`${path} ${found}`, { remedy: 'the file is cut off or altered: fetch it again', cause });
  }
}

/** A file that may be gzipped, which makes it at most a little longer than the `unpacked` bytes it holds. */
function readPacked(path: string, unpacked: number): Uint8Array {
  const content = readWithinSync(path, Math.ceil(unpacked * 1.01) + 2 ** 16);
  if (content.bytes !== undefined) return content.bytes;
  throw new UserError(`${path} ${content.reason}`, { remedy: 'put the file itself there, as its publisher made it' });
}

/**
 * The files of a data set in a folder: bare, gzipped (`NAME.gz`), in the archive's own folder, or in the archive itself;
 * `from` may also be that archive. Sizes and hashes are checked.
 */
export function localFiles(source: Source, from: string): Files {
  if (!existsSync(from)) {
    throw new UserError(`${from} does not exist`, { remedy: `give --from the folder that holds ${names(source)}` });
  }
  const archive = source.archiveFolder === undefined ? undefined : source.downloads[0];
  const archivePath = archive && (statSync(from).isDirectory() ? join(from, archive.name) : from);
  const folders = [from, join(from, source.archiveFolder ?? '')];
  const candidates = (name: string) =>
    folders.flatMap((folder) => [name, `${name}.gz`, name.replace('-idx', '.idx')].map((file) => join(folder, file)));
  const pathOf = (name: string) => candidates(name).find((path) => existsSync(path));

  const isArchive =
    archivePath !== undefined && existsSync(archivePath) && source.files.some(({ name }) => !pathOf(name));
  const archived = isArchive ? archiveFiles(source, archivePath) : undefined;

  return (name) => {
    const known = knownFile(source, name);
    const path = pathOf(name);
    if (path !== undefined) {
      const limit = known.sizeBytes + 1; // one byte more, so that a longer file is reported by its size
      return checkFile(inflate(readPacked(path, known.sizeBytes), limit, path), known, path);
    }
    const bytes = archived?.(name);
    if (bytes === undefined) {
      throw new UserError(`${name} (or ${name}.gz) is not in ${from}`, {
        remedy: `put all of ${names(source)} there, or leave --from out to download`,
      });
    }
    return checkFile(bytes, known, `${name} in ${archivePath}`);
  };
}

function archiveFiles(source: Source, path: string): (name: string) => Uint8Array | undefined {
  const limit = source.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) + 2 ** 20; // headers, read-me, class names
  const files = untar(inflate(readPacked(path, limit), limit, path), path);
  return (name) => files.get(`${source.archiveFolder}/${name}`);
}

function knownFile(source: Source, name: string): KnownFile {
  const known = source.files.find((file) => file.name === name);
  if (known === undefined) throw new Error(`${source.name} declares no file ${name}`);
  return known;
}

const names = (source: Source) => source.files.map(({ name }) => name).join(', ');
