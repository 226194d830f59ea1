/** Reading of a gzipped tar archive, as libtensorflow's C distribution is one. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';

const block = 512;

/** Unpacks the regular files for which `target` names a path; returns path → SHA-256. gzip's own checksum covers the content. */
export async function unpackTarball(
  path: string,
  target: (name: string) => string | undefined,
): Promise<Map<string, string>> {
  const written = new Map<string, string>();
  let pending: Buffer = Buffer.alloc(0);
  let remaining = 0; // bytes of the current member still to come, padding included
  let content = 0; // the same without padding
  let current: { file: FileHandle; path: string; hash: ReturnType<typeof createHash> } | undefined;

  const finish = async () => {
    if (!current) return;
    await current.file.close();
    written.set(current.path, current.hash.digest('hex'));
    current = undefined;
  };
  const source = createReadStream(path);
  const gunzip = createGunzip();
  source.on('error', (error) => gunzip.destroy(error));
  try {
    for await (const chunk of source.pipe(gunzip) as AsyncIterable<Buffer>) {
      pending = pending.length > 0 ? Buffer.concat([pending, chunk]) : chunk;
      for (;;) {
        if (remaining > 0) {
          const piece = pending.subarray(0, Math.min(remaining, pending.length));
          const data = piece.subarray(0, Math.min(content, piece.length));
          if (current && data.length > 0) {
            await current.file.writeFile(data);
            current.hash.update(data);
          }
          content -= data.length;
          remaining -= piece.length;
          pending = pending.subarray(piece.length);
          if (remaining > 0) break;
          await finish();
        }
        if (pending.length < block) break;
        const header = pending.subarray(0, block);
        pending = pending.subarray(block);
        if (header[0] === 0) continue; // the end is marked by empty blocks
        const { name, size, isFile } = parseHeader(header);
        const to = isFile ? target(name) : undefined;
        if (to !== undefined) current = { file: await open(to, 'w'), path: to, hash: createHash('sha256') };
        content = size;
        remaining = Math.ceil(size / block) * block;
        if (remaining === 0) await finish();
      }
    }
    if (remaining > 0) throw new Error('the archive ends too early');
  } finally {
    source.destroy(); // after damage it would stay open
    await finish();
  }
  return written;
}

function parseHeader(header: Buffer): { name: string; size: number; isFile: boolean } {
  const text = (from: number, length: number) => header.toString('utf8', from, from + length).replace(/\0.*$/s, '');
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
  if (parseInt(text(148, 8), 8) !== sum) throw new Error('a member’s header does not match its checksum');
  const type = text(156, 1);
  return { name: text(0, 100), size: parseInt(text(124, 12).trim() || '0', 8), isFile: type === '0' || type === '' };
}
