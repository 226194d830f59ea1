/**
 * Shards: images packed into files of some hundred megabytes, read at known places.
 *
 * A shard is its records, then an index of 24 bytes a record (little endian: u64 offset, u32 size, u32 CRC-32, u32 class, u16 width,
 * u16 height; the sizes are 0 where the record is an encoded file), then 16 bytes: "r21shard", u32 records, u32 CRC-32 of the index.
 * `shards.json` names every shard with its size and SHA-256 and is written last.
 */
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { UserError } from '../../errors.ts';
import { badFilePolicies, type ImageSplit } from './imageSplit.ts';
import { parseJson } from '../parseJson.ts';
import { sha256 } from '../sha256.ts';

export const manifestName = 'shards.json';
export const recordBytes = 24;
export const footerBytes = 16;
const magic = 'r21shard';

const shardSchema = z.object({
  name: z.string().regex(/^(train|val)-\d{5}\.shard$/),
  count: z.int().min(0),
  sizeBytes: z.int().min(footerBytes),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
const manifestSchema = z.object({
  schema: z.literal(1),
  format: z.enum(['jpeg', 'raw']),
  /** Length the short side was reduced to; null: as it was. */
  size: z.int().positive().nullable(),
  classNames: z.array(z.string()).min(2).max(100_000),
  train: z.array(shardSchema).min(1).max(65_535),
  val: z.array(shardSchema).min(1).max(65_535),
  /** What they were packed from and how; absent in older manifests. */
  source: z
    .object({
      /** SHA-256 of its content. */
      identity: z.string().regex(/^[0-9a-f]{64}$/),
      policy: z.enum(badFilePolicies),
      /** Where the validation images come from, in words, and the share of each class, where that was asked for. */
      heldOut: z.string().regex(/^[^\p{Cc}]{1,200}$/u),
      split: z.number().optional(),
    })
    .optional(),
});
export type ShardManifest = z.output<typeof manifestSchema>;
export type Shard = z.output<typeof shardSchema>;

export interface PackedRecord {
  readonly offset: number;
  readonly size: number;
  readonly sum: number;
  readonly label: number;
  /** 0 × 0 where the record is an encoded file. */
  readonly width: number;
  readonly height: number;
}

/** Index and end of a shard. */
export function shardEnd(records: readonly PackedRecord[]): Buffer {
  const bytes = Buffer.alloc(records.length * recordBytes + footerBytes);
  records.forEach(({ offset, size, sum, label, width, height }, i) => {
    const at = i * recordBytes;
    bytes.writeBigUInt64LE(BigInt(offset), at);
    bytes.writeUInt32LE(size, at + 8);
    bytes.writeUInt32LE(sum, at + 12);
    bytes.writeUInt32LE(label, at + 16);
    bytes.writeUInt16LE(width, at + 20);
    bytes.writeUInt16LE(height, at + 22);
  });
  const end = records.length * recordBytes;
  bytes.write(magic, end, 'latin1');
  bytes.writeUInt32LE(records.length, end + 8);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, end)), end + 12);
  return bytes;
}

/** The manifest of a folder of shards; undefined where there is none. */
export function readShardManifest(root: string): ShardManifest | undefined {
  const path = join(root, manifestName);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw new UserError(`${path} cannot be read: ${(error as Error).message}`, {
      remedy: 'make it readable',
      cause: error,
    });
  }
  const parsed = manifestSchema.safeParse(parseJson(text));
  if (parsed.data) return parsed.data;
  throw new UserError(`${path} is not the manifest of image shards: ${z.prettifyError(parsed.error)}`, {
    remedy: packAgain,
  });
}

const packAgain = 'pack the images again with `ranger21 data prepare … --force`';

/** SHA-256 over what the manifest says of the shards, with the hash of each: equal for equal content, wherever it came from. */
export const shardFingerprint = ({ source: _, ...content }: ShardManifest): string => sha256(JSON.stringify(content));

/** Reads the index of every shard of a split; sizes, counts and places are checked, the records themselves when they are read. */
export function readShards(root: string, shards: readonly Shard[], classes: number): ImageSplit {
  for (const shard of shards) refuseOtherSize(join(root, shard.name), shard); // before memory is taken for as many records
  const count = shards.reduce((sum, shard) => sum + shard.count, 0);
  const offsets = new Float64Array(new SharedArrayBuffer(8 * count));
  const [sizes, sums] = [
    new Uint32Array(new SharedArrayBuffer(4 * count)),
    new Uint32Array(new SharedArrayBuffer(4 * count)),
  ];
  const [width, height, fileOf] = [0, 0, 0].map(() => new Uint16Array(new SharedArrayBuffer(2 * count))) as [
    Uint16Array,
    Uint16Array,
    Uint16Array, // prettier-ignore
  ];
  const labels = new Int32Array(new SharedArrayBuffer(4 * count));
  let i = 0;
  let raw = 0;
  shards.forEach((shard, file) => {
    const records = readShardIndex(join(root, shard.name), shard);
    for (const record of records) {
      if (record.label >= classes) {
        throw damaged(
          join(root, shard.name),
          `record at byte ${record.offset} has class ${record.label} of ${classes}`,
        );
      }
      offsets[i] = record.offset;
      [sizes[i], sums[i], labels[i], width[i], height[i], fileOf[i]] = [
        record.size,
        record.sum,
        record.label,
        record.width,
        record.height,
        file, // prettier-ignore
      ] as const;
      raw += record.width > 0 ? 1 : 0;
      i += 1;
    }
  });
  if (raw !== 0 && raw !== count)
    throw damaged(join(root, manifestName), `${raw} of ${count} records hold pixels, the others files`);
  return {
    count,
    labels,
    store: {
      kind: 'records',
      files: shards.map(({ name }) => join(root, name)),
      fileOf,
      offsets,
      sizes,
      sums,
      check: 'crc32',
      ...(raw > 0 && { pixels: { width, height } }),
    },
  };
}

const damaged = (path: string, what: string) => new UserError(`${path}: ${what}`, { remedy: packAgain });

function refuseOtherSize(path: string, { count, sizeBytes }: Pick<Shard, 'count' | 'sizeBytes'>): void {
  let size: number;
  try {
    ({ size } = statSync(path));
  } catch (cause) {
    throw new UserError(`${path} cannot be read: ${(cause as Error).message}`, { remedy: packAgain, cause });
  }
  if (size !== sizeBytes) throw damaged(path, `has ${size} bytes, expected ${sizeBytes}`);
  if (count * recordBytes + footerBytes > size) throw damaged(path, `has ${size} bytes, too few for ${count} records`);
}

/** The index at a shard's end. */
export function readShardIndex(
  path: string,
  { count, sizeBytes }: { count: number; sizeBytes: number },
): PackedRecord[] {
  refuseOtherSize(path, { count, sizeBytes });
  const length = count * recordBytes + footerBytes;
  const bytes = Buffer.alloc(length);
  const fd = openSync(path, 'r');
  try {
    readSync(fd, bytes, 0, length, sizeBytes - length);
    const end = count * recordBytes;
    const isSound =
      bytes.toString('latin1', end, end + 8) === magic &&
      bytes.readUInt32LE(end + 8) === count &&
      bytes.readUInt32LE(end + 12) === crc32(bytes.subarray(0, end));
    if (!isSound) throw damaged(path, 'its index is damaged');
    return Array.from({ length: count }, (_, i) => readRecord(bytes, i * recordBytes, sizeBytes - length, path));
  } finally {
    closeSync(fd);
  }
}

function readRecord(bytes: Buffer, at: number, end: number, path: string): PackedRecord {
  const record = {
    offset: Number(bytes.readBigUInt64LE(at)),
    size: bytes.readUInt32LE(at + 8),
    sum: bytes.readUInt32LE(at + 12),
    label: bytes.readUInt32LE(at + 16),
    width: bytes.readUInt16LE(at + 20),
    height: bytes.readUInt16LE(at + 22),
  };
  const { offset, size, width, height } = record;
  const isRaw = width > 0 || height > 0;
  if (offset + size > end || (isRaw && width * height * 3 !== size)) {
    throw damaged(path, `a record of ${size} bytes (${width}×${height}) at byte ${offset} does not fit`);
  }
  return record;
}
