/**
 * Tensors in a file, in the safetensors format:
 *
 *     length of the header N (uint64) · header (N bytes of JSON, padded with spaces) · data      little-endian
 *
 * The header maps a name to { dtype, shape, data_offsets: [first byte, byte after the last] }, counted from where the data
 * starts. The tensors cover the data without a hole or an overlap.
 *
 * Reference: https://github.com/huggingface/safetensors#format
 */
import { open, type FileHandle } from 'node:fs/promises';
import { UserError } from '../errors.ts';
import type { HostTensor, HostTensors } from '../tensor/compile.ts';
import { dtypeOf, sizeOf } from '../tensor/compile.ts';

/** The file in pieces: length and header, then each tensor's own bytes, not copied; uint8 last, so that the others are aligned. */
export function safetensorsPieces(tensors: HostTensors): Uint8Array[] {
  let end = 0;
  const widestFirst = Object.entries(tensors).sort(
    ([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT,
  );
  const described = widestFirst.map(([name, { shape, data }]) => {
    if (data.length !== sizeOf(shape))
      throw new TypeError(`${name} is [${shape.join(', ')}] with ${data.length} values`);
    const start = end;
    end += data.byteLength;
    return [name, { dtype: names[dtypeOf(data)], shape, data_offsets: [start, end] }] as const;
  });
  const json = Buffer.from(JSON.stringify(Object.fromEntries(described)));
  const header = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ');
  header.writeBigUInt64LE(BigInt(header.length - 8));
  header.set(json, 8);
  return [header, ...widestFirst.map(([, { data }]) => bytesOf(data))];
}

const bytesOf = ({ buffer, byteOffset, byteLength }: HostTensor['data']): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** The tensors of a file's bytes, copied; `path` is for the messages. Anything but a whole and sound file is a UserError. */
export function parseSafetensors(bytes: Uint8Array, path: string): HostTensors {
  const dataStart = 8 + headerLength(bytes.subarray(0, 8), bytes.length, path);
  const entries = entriesOf(bytes.subarray(8, dataStart), bytes.length - dataStart, path);
  return Object.fromEntries(
    entries.map(({ name, shape, dtype, start, end }) => {
      const copy = new Uint8Array(bytes.subarray(dataStart + start, dataStart + end));
      return [name, { shape, data: new arrays[dtype](copy.buffer) }];
    }),
  );
}

/** The tensors of a file, each read into memory of its own: for states that no single buffer holds. */
export async function readSafetensors(path: string): Promise<HostTensors> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const { size } = await file.stat();
    const dataStart = 8 + headerLength(await readBytes(file, 0, Math.min(8, size), path), size, path);
    const tensors: [string, HostTensor][] = [];
    for (const entry of entriesOf(await readBytes(file, 8, dataStart - 8, path), size - dataStart, path)) {
      const { buffer } = await readBytes(file, dataStart + entry.start, entry.end - entry.start, path);
      tensors.push([entry.name, { shape: entry.shape, data: new arrays[entry.dtype](buffer) }]);
    }
    return Object.fromEntries(tensors);
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError(`${path} cannot be read: ${(cause as Error).message}`, { remedy: 'make it readable', cause });
  } finally {
    await file?.close();
  }
}

async function readBytes(
  file: FileHandle,
  start: number,
  length: number,
  path: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await file.read(bytes, done, Math.min(length - done, 2 ** 30), start + done);
    if (bytesRead === 0) throw refusal(path, 'it was cut short while it was read');
    done += bytesRead;
  }
  return bytes;
}

const names = { float32: 'F32', int32: 'I32', uint8: 'U8' } as const;
const arrays = { F32: Float32Array, I32: Int32Array, U8: Uint8Array } as const;

interface Entry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: keyof typeof arrays;
  /** First byte and the byte after the last, in the data. */
  readonly start: number;
  readonly end: number;
}

/** In bytes: about 100,000 tensors. The format allows ten times as much, of which a hostile kind takes minutes to parse. */
const longestHeader = 10_000_000;

function headerLength(firstBytes: Uint8Array, fileLength: number, path: string): number {
  if (fileLength < 8) throw refusal(path, `it has ${fileLength} bytes, too few for a header`);
  const length = new DataView(firstBytes.buffer, firstBytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(fileLength - 8))
    throw refusal(path, `a header of ${length} bytes does not fit in its ${fileLength}`);
  if (length > BigInt(longestHeader))
    throw refusal(path, `a header of ${length} bytes is longer than ${longestHeader}`);
  return Number(length);
}

/** What the header describes, in the order of the data. */
function entriesOf(header: Uint8Array, dataLength: number, path: string): Entry[] {
  const json = headerJson(header, path);
  const { __metadata__: metadata = {} } = json;
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === 'string')) {
    throw refusal(path, '__metadata__ is not an object of strings');
  }
  const described = Object.entries(json).filter(([name]) => name !== '__metadata__');
  const entries = described.map(([name, value]) => entryOf(name, value, path));
  entries.sort((a, b) => a.start - b.start || a.end - b.end);
  let end = 0;
  for (const entry of entries) {
    if (entry.start !== end)
      throw refusal(path, `${quoted(entry.name)} starts at byte ${entry.start}, expected ${end}`);
    end = entry.end;
  }
  if (end !== dataLength) throw refusal(path, `its tensors end at byte ${end}, its data at ${dataLength}`);
  return entries;
}

function headerJson(header: Uint8Array, path: string): Record<string, unknown> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header);
    if (!text.startsWith('{')) throw new SyntaxError('it does not start with {');
    checkTokens(text);
    return JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw refusal(path, `its header is not sound: ${(cause as Error).message}`, cause);
  }
}

/**
 * What JSON.parse lets pass: a name given twice (it keeps the last), nesting without end, and whole numbers written otherwise
 * than in digits, which other readers refuse.
 */
function checkTokens(json: string): void {
  const open: (Set<string> | 'array')[] = [];
  for (const [token, string, colon, number] of json.matchAll(tokens)) {
    const inside = open.at(-1);
    if (token === '}' || token === ']') open.pop();
    else if (token === '{' || token === '[') {
      if (open.length > 2 || inside === 'array') throw new SyntaxError('it is nested too deeply');
      open.push(token === '[' ? 'array' : new Set());
    } else if (number !== undefined && !/^\d+$/.test(number))
      throw new SyntaxError(`${number.slice(0, 40)} is no whole number`);
    else if (colon !== undefined && inside instanceof Set) {
      const name = JSON.parse(string as string) as string;
      if (inside.has(name)) throw new SyntaxError(`${quoted(name)} is there twice`);
      inside.add(name);
    }
  }
}
const tokens = /("[^"\\]*(?:\\[^][^"\\]*)*")(\s*:)?|([-\d][-+.\deE]*)|[{}[\]]/g;

function entryOf(name: string, value: unknown, path: string): Entry {
  const of = quoted(name);
  if (!isRecord(value)) throw refusal(path, `${of} is ${quoted(value)}, expected an object`);
  const { dtype, shape, data_offsets: offsets, ...rest } = value;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw refusal(path, `${of} has an unknown ${quoted(unknown)}`);
  if (dtype !== 'F32' && dtype !== 'I32' && dtype !== 'U8')
    throw refusal(path, `${of} has the type ${quoted(dtype)}, expected F32, I32 or U8`);
  if (!isSizes(shape)) throw refusal(path, `${of} has the shape ${quoted(shape)}, expected sizes`);
  if (!isSizes(offsets) || offsets.length !== 2)
    throw refusal(path, `${of} has the offsets ${quoted(offsets)}, expected two`);
  const [start, end] = offsets as [number, number];
  const values = sizeOf(shape.filter((n) => n > 0)); // an empty tensor's other sizes must be possible, too
  const width = arrays[dtype].BYTES_PER_ELEMENT;
  if (!Number.isSafeInteger(width * values) || end - start !== width * sizeOf(shape))
    throw refusal(path, `${of} of shape [${shape.join(', ')}] lies in ${end - start} bytes`);
  return { name, shape, dtype, start, end };
}

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const quoted = (value: unknown): string => (JSON.stringify(value) ?? 'missing').slice(0, 80);

const refusal = (path: string, reason: string, cause?: unknown): UserError =>
  new UserError(`${path} is not a sound safetensors file: ${reason}`, {
    remedy: 'it was altered or cut short: take another copy of it',
    cause,
  });
