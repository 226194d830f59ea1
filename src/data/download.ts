import { open, rename, rm, stat } from 'node:fs/promises';
import { exitCode, UserError } from '../errors.ts';
import { fileSha256 } from './sha256.ts';
import type { Download } from './source.ts';

const retries = 5;

/** Bytes so far and in all. */
export type OnProgress = (done: number, total: number) => void;

/**
 * Fetches a file to `path` and checks its size and SHA-256. What has arrived is kept in `path.part`, so that the next call, or
 * the next try after a broken connection, continues there (HTTP Range). A server that cannot be reached is a `UserError` with
 * the code of an unfit environment; a wrong file is one of usage, and is deleted.
 */
export async function download(
  file: Download,
  path: string,
  { onProgress, stallMs = 30_000 }: { onProgress: OnProgress; stallMs?: number },
): Promise<void> {
  if ((await sizeOf(path)) === file.sizeBytes) return check(file, path);
  const part = `${path}.part`;
  for (let attempt = 1; ; attempt++) {
    const before = await sizeOf(part);
    try {
      await fetchRest(file, part, onProgress, stallMs);
      break;
    } catch (error) {
      if (error instanceof UserError) throw error;
      const arrived = await sizeOf(part);
      const isHopeless = arrived <= before || attempt === retries;
      if (isHopeless)
        throw unreachable(file, `${reason(error)}; ${arrived} of ${file.sizeBytes} bytes are here`, error);
    }
  }
  await check(file, part);
  await rename(part, path);
}

/** Appends what is missing of the file to `part`. */
async function fetchRest(file: Download, part: string, onProgress: OnProgress, stallMs: number): Promise<void> {
  let have = await sizeOf(part);
  if (have > file.sizeBytes) {
    await rm(part);
    have = 0;
  }
  if (have === file.sizeBytes) return;

  const stalled = new AbortController();
  const giveUp = () => stalled.abort(new Error(`nothing arrived for ${stallMs / 1000} s`));
  let timer = setTimeout(giveUp, stallMs);
  try {
    const headers = { 'accept-encoding': 'identity', ...(have > 0 && { range: `bytes=${have}-` }) };
    const response = await fetch(file.url, { headers, signal: stalled.signal });
    if (response.status === 416) await rm(part, { force: true });
    if (response.status !== 200 && response.status !== 206) throw unreachable(file, `HTTP status ${response.status}`);
    const start = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
    const continues = response.status === 206 && Number(start) === have;
    if (response.status === 206 && !continues)
      throw unreachable(file, `asked for bytes from ${have}, the answer starts at ${start}`);

    const out = await open(part, continues ? 'a' : 'w'); // a server without ranges sends the file from its start
    let done = continues ? have : 0;
    try {
      for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
        clearTimeout(timer);
        timer = setTimeout(giveUp, stallMs);
        done += chunk.length;
        if (done > file.sizeBytes) break; // the check below names the size
        await out.write(chunk);
        onProgress(done, file.sizeBytes);
      }
    } finally {
      await out.close();
    }
    if (done < file.sizeBytes) throw new Error('the connection ended early');
    if (done > file.sizeBytes) {
      await rm(part);
      throw new UserError(`${file.url} sends more than the expected ${file.sizeBytes} bytes`, { remedy: byHand(file) });
    }
  } finally {
    clearTimeout(timer);
  }
}

async function check(file: Download, path: string): Promise<void> {
  const found = await fileSha256(path);
  if (found === file.sha256) return;
  await rm(path);
  throw new UserError(`${file.url} has SHA-256 ${found}, expected ${file.sha256}`, { remedy: byHand(file) });
}

const unreachable = (file: Download, why: string, cause?: unknown) =>
  new UserError(`cannot download ${file.url}: ${why}`, {
    remedy: `run the same command again to continue, or ${byHand(file)}`,
    code: exitCode.environment,
    cause,
  });

const byHand = (file: Download) => `fetch ${file.name} yourself and pass its folder with --from DIR`;

/** `fetch failed` says nothing; its cause does. */
function reason(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message || message : message;
}

const sizeOf = (path: string) =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );
