/** Reading of zip archives (a wheel is one), checked by their CRC-32. Archives and members beyond 4 GiB (zip64) included. */
import { createReadStream, createWriteStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { PassThrough, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32, createInflateRaw } from 'node:zlib';

export interface Member {
  readonly name: string;
  /** 0: stored, 8: deflated. */
  readonly method: number;
  readonly crc: number;
  readonly packedSize: number;
  readonly size: number;
  readonly offset: number;
}

/** Far above the directory and the records of any wheel. */
const mostAtOnce = 2 ** 28;

const endOfDirectory = 0x06054b50;
const endOfDirectory64 = 0x06064b50;
const directoryEntry = 0x02014b50;
const localEntry = 0x04034b50;

/** The place is compared with the file first: a damaged directory may ask for any number of bytes, anywhere. */
async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { size } = await file.stat();
  if (!(position >= 0 && position + length <= size && length <= mostAtOnce))
    throw new Error('the archive ends too early');
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, position);
  if (bytesRead !== length) throw new Error('the archive ends too early');
  return bytes;
}

/** The members of an archive. */
export async function zipMembers(path: string): Promise<Member[]> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const tailLength = Math.min(size, 65_557); // the record and the longest comment
    const tail = await readAt(file, size - tailLength, tailLength);
    const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
    if (end < 0 || tail.readUInt32LE(end) !== endOfDirectory) throw new Error('not a zip archive, or a truncated one');
    let count = tail.readUInt16LE(end + 10);
    let length = tail.readUInt32LE(end + 12);
    let position = tail.readUInt32LE(end + 16);
    if (position === 0xffffffff || count === 0xffff || length === 0xffffffff) {
      const record = await readAt(file, Number(tail.readBigUInt64LE(end - 20 + 8)), 56);
      if (record.readUInt32LE(0) !== endOfDirectory64) throw new Error('the archive’s directory is damaged');
      [count, length, position] = [32, 40, 48].map((at) => Number(record.readBigUInt64LE(at))) as [
        number,
        number,
        number,
      ];
    }
    return parseDirectory(await readAt(file, position, length), count);
  } finally {
    await file.close();
  }
}

function parseDirectory(directory: Buffer, count: number): Member[] {
  const members: Member[] = [];
  for (let at = 0, i = 0; i < count; i++) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== directoryEntry)
      throw new Error('the archive’s directory is damaged');
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((o) => directory.readUInt16LE(at + o)) as [
      number,
      number,
      number,
    ];
    const extra = directory.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    // sizes of 4 GiB and more are in the extra field 1, in this order, only where the short field is full
    const long = extra64(extra);
    const field = (offset: number) => {
      const short = directory.readUInt32LE(at + offset);
      return short === 0xffffffff ? (long.shift() ?? short) : short;
    };
    const size = field(24);
    const packedSize = field(20);
    const offset = field(42);
    members.push({
      name: directory.toString('utf8', at + 46, at + 46 + nameLength),
      method: directory.readUInt16LE(at + 10),
      crc: directory.readUInt32LE(at + 16),
      packedSize,
      size,
      offset,
    });
    at += 46 + nameLength + extraLength + commentLength;
  }
  return members;
}

function extra64(extra: Buffer): number[] {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue;
    const count = Math.floor(extra.readUInt16LE(at + 2) / 8);
    return Array.from({ length: count }, (_, i) => Number(extra.readBigUInt64LE(at + 4 + 8 * i)));
  }
  return [];
}

/** Where a member's data starts: behind its local header, which must name the same file. */
async function dataStart(path: string, { name, offset }: Member): Promise<number> {
  const file = await open(path);
  try {
    const header = await readAt(file, offset, 30);
    const [nameLength, extraLength] = [header.readUInt16LE(26), header.readUInt16LE(28)];
    const localName = (await readAt(file, offset + 30, nameLength)).toString('utf8');
    if (header.readUInt32LE(0) !== localEntry || localName !== name) throw new Error(`${name}: its header is damaged`);
    return offset + 30 + nameLength + extraLength;
  } finally {
    await file.close();
  }
}

/** Unpacks a member into `sink`, checks it against the archive, and returns the SHA-256 of its content, in hex. */
export async function unpack(
  path: string,
  member: Member,
  sink: Writable,
  onBytes: (count: number) => void = () => undefined,
): Promise<string> {
  const start = await dataStart(path, member);
  const hash = createHash('sha256');
  let crc = 0;
  let size = 0;
  const watch = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      crc = crc32(chunk, crc);
      size += chunk.length;
      if (size > member.size) return done(new Error('it is longer than the archive says'));
      hash.update(chunk);
      onBytes(chunk.length);
      done(null, chunk);
    },
  });
  const source =
    member.packedSize === 0
      ? new PassThrough().end()
      : createReadStream(path, { start, end: start + member.packedSize - 1, highWaterMark: 1 << 20 });
  const inflate = member.method === 8 ? createInflateRaw({ chunkSize: 1 << 20 }) : new PassThrough();
  try {
    await pipeline(source, inflate, watch, sink);
  } catch (error) {
    throw new Error(`${member.name}: damaged (${(error as Error).message})`, { cause: error });
  }
  if (crc !== member.crc || size !== member.size)
    throw new Error(`${member.name}: its content does not match the archive’s checksum`);
  return hash.digest('hex');
}

/** A member's content, for small ones. */
export async function contentOf(path: string, member: Member): Promise<Buffer> {
  if (member.size > mostAtOnce) throw new Error(`${member.name}: ${member.size} bytes are more than it can need`);
  const chunks: Buffer[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  await unpack(path, member, sink);
  return Buffer.concat(chunks);
}

/** Unpacks a member into a file. */
export const unpackTo = (
  path: string,
  member: Member,
  file: string,
  onBytes?: (count: number) => void,
): Promise<string> => unpack(path, member, createWriteStream(file), onBytes);
