import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { download } from '../../src/data/download.ts';
import { prepare } from '../../src/data/prepare.ts';
import { loadPrepared } from '../../src/data/prepared.ts';
import { UserError } from '../../src/errors.ts';
import { sha256, temporaryFolder, toyFiles, toySource } from './toy.ts';

const body = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * 2654435761) >>> 24));

/** A server on the loopback interface that closes after the test. */
async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const startOf = (request: IncomingMessage) => Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);

/** Answers with the bytes asked for, at most `atMost` of them before the connection breaks. */
function answerRange(request: IncomingMessage, response: ServerResponse, bytes: Buffer, atMost = Infinity): void {
  const start = startOf(request);
  const range = {
    'content-length': bytes.length - start,
    'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}`,
  };
  response.writeHead(start > 0 ? 206 : 200, range);
  if (start + atMost >= bytes.length) return void response.end(bytes.subarray(start));
  response.write(bytes.subarray(start, start + atMost), () => setTimeout(() => response.destroy(), 20));
}

function setUp(url: string) {
  const path = join(temporaryFolder(), 'file.bin');
  const file = { name: 'file.bin', url: `${url}/file.bin`, sizeBytes: body.length, sha256: sha256(body) };
  const seen: number[] = [];
  const run = (change: Partial<typeof file> = {}, stallMs = 5_000) =>
    download({ ...file, ...change }, path, { onProgress: (done) => seen.push(done), stallMs });
  return { path, run, seen };
}

describe('a download', () => {
  test('arrives whole, reports its progress and leaves no part', async () => {
    const { path, run, seen } = setUp(await serve((request, response) => answerRange(request, response, body)));
    await run();
    expect(readFileSync(path).equals(body)).toBe(true);
    expect(existsSync(`${path}.part`)).toBe(false);
    expect(seen.at(-1)).toBe(body.length);
  });

  test('continues a part with a Range request', async () => {
    const starts: number[] = [];
    const { path, run } = setUp(
      await serve((request, response) => (starts.push(startOf(request)), answerRange(request, response, body))),
    );
    writeFileSync(`${path}.part`, body.subarray(0, 123_456));
    await run();
    expect(starts).toEqual([123_456]);
    expect(readFileSync(path).equals(body)).toBe(true);
  });

  test('tries again where the connection broke', async () => {
    const starts: number[] = [];
    const { path, run } = setUp(
      await serve(
        (request, response) => (starts.push(startOf(request)), answerRange(request, response, body, 130_000)),
      ),
    );
    await run();
    expect(starts).toEqual([0, 130_000, 260_000]);
    expect(readFileSync(path).equals(body)).toBe(true);
  });

  test('starts over where the server knows no ranges', async () => {
    const { path, run } = setUp(await serve((_, response) => void response.writeHead(200).end(body)));
    writeFileSync(`${path}.part`, Buffer.alloc(1000, 1));
    await run();
    expect(readFileSync(path).equals(body)).toBe(true);
  });

  test('is not repeated when the file is there', async () => {
    const { path, run } = setUp('http://127.0.0.1:9');
    writeFileSync(path, body);
    await run();
  });
});

describe('a download that fails', () => {
  test('keeps the part and says how much has arrived', async () => {
    let answers = 0;
    const url = await serve((request, response) =>
      answers++ === 0 ? answerRange(request, response, body, 100_000) : void response.destroy(),
    );
    const { path, run } = setUp(url);
    await expect(run()).rejects.toMatchObject({
      code: 6,
      message: expect.stringContaining('100000 of 300000 bytes are here') as string,
    });
    expect(statSync(`${path}.part`).size).toBe(100_000);
  });

  test('gives up when nothing arrives any more', async () => {
    const { run } = setUp(await serve(() => undefined));
    await expect(run({}, 100)).rejects.toThrow('nothing arrived for 0.1 s');
  });

  test('names the HTTP status', async () => {
    const { run } = setUp(await serve((_, response) => void response.writeHead(404).end()));
    await expect(run()).rejects.toMatchObject({
      code: 6,
      message: expect.stringContaining('HTTP status 404') as string,
    });
  });

  test('deletes a file with another hash, naming both', async () => {
    const { path, run } = setUp(await serve((request, response) => answerRange(request, response, body)));
    const expected = '0'.repeat(64);
    await expect(run({ sha256: expected })).rejects.toThrow(`has SHA-256 ${sha256(body)}, expected ${expected}`);
    expect([existsSync(path), existsSync(`${path}.part`)]).toEqual([false, false]);
  });

  test('stops at the first byte too many', async () => {
    const { path, run } = setUp(await serve((_, response) => void response.writeHead(200).end(body)));
    await expect(run({ sizeBytes: 1000 })).rejects.toThrow('sends more than the expected 1000 bytes');
    expect(existsSync(`${path}.part`)).toBe(false);
  });

  test('no server there', async () => {
    const { run } = setUp('http://127.0.0.1:9');
    await expect(run()).rejects.toThrow(UserError);
  });
});

test('a data set is prepared by download, and only what is missing is fetched', async () => {
  const files = toyFiles();
  const packed = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`/${name}.gz`, gzipSync(bytes)]));
  const asked: string[] = [];
  let isBroken = true;
  const url = await serve((request, response) => {
    asked.push(request.url ?? '');
    if (isBroken && request.url?.includes('t10k')) return void response.destroy();
    answerRange(request, response, packed[request.url ?? ''] ?? Buffer.alloc(0));
  });
  const downloads = Object.entries(packed).map(([path, bytes]) => ({
    name: path.slice(1),
    url: url + path,
    sizeBytes: bytes.length,
    sha256: sha256(bytes),
  }));
  const [source, root] = [toySource(files, downloads), temporaryFolder()];
  const run = () => prepare(source, { root, say: () => undefined, onFile: () => () => undefined });

  await expect(run()).rejects.toMatchObject({ code: 6 });
  isBroken = false;
  asked.length = 0;
  const { folder } = await run();
  expect(asked).toEqual(['/t10k-images-idx3-ubyte.gz', '/t10k-labels-idx1-ubyte.gz']);
  expect(existsSync(join(folder, 'downloads'))).toBe(false);
  const { train, manifest } = await loadPrepared(source, root);
  expect([train.count, manifest.source.kind]).toEqual([6, 'download']);
});
