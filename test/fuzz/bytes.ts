/** Damage to files. */
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';

/** A file with the damage that was done to it, for the message of a failure. */
export interface Damaged {
  readonly bytes: Buffer;
  readonly what: string;
}

/** Every way to cut the file off, the empty file first. */
export const truncations = (sound: Uint8Array): Damaged[] =>
  Array.from({ length: sound.length }, (_, end) => ({
    bytes: Buffer.from(sound.subarray(0, end)),
    what: `cut at ${end}`,
  }));

/** The file with the bit `n` the other way round. */
export function flipped(sound: Uint8Array, n: number): Damaged {
  const bytes = Buffer.from(sound);
  bytes[n >> 3] = bytes[n >> 3]! ^ (1 << (n & 7));
  return { bytes, what: `bit ${n & 7} of byte ${n >> 3}` };
}

/** Every single-bit flip. */
export const bitFlips = (sound: Uint8Array): Damaged[] =>
  Array.from({ length: 8 * sound.length }, (_, n) => flipped(sound, n));

/** Sizes that ask for too much, overflow, or turn negative. */
const hostileWords = [0, 1, 0x7f, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff_fff8, 0x0001_0000, 0x4000_0000];

/**
 * Damage of every kind to a sound file: flipped bits, other bytes, hostile 32-bit words, pieces cut out, doubled, swapped or
 * taken from `others`, cut off, with more at the end, gzipped. Never the file itself.
 */
export function damaged(sound: Uint8Array, others: readonly Uint8Array[] = []): fc.Arbitrary<Damaged> {
  const at = fc.nat(Math.max(0, sound.length - 1));
  const range = fc.tuple(at, at).map(([a, b]): [number, number] => (a < b ? [a, b] : [b, a]));
  const edit = (what: string, change: (bytes: Buffer) => Uint8Array): Damaged => ({
    bytes: Buffer.from(change(Buffer.from(sound))),
    what,
  });
  const flips = fc
    .array(fc.nat(8 * sound.length - 1), { minLength: 1, maxLength: 6 })
    .map((bits) => edit(`bits ${bits.join()}`, (bytes) => bits.reduce((all, n) => flipped(all, n).bytes, bytes)));
  const overwritten = fc
    .tuple(at, fc.uint8Array({ minLength: 1, maxLength: 16 }))
    .map(([from, piece]) =>
      edit(
        `${piece.length} bytes at ${from}`,
        (bytes) => (bytes.set(piece.subarray(0, bytes.length - from), from), bytes),
      ),
    );
  const words = fc.tuple(at, fc.constantFrom(...hostileWords), fc.boolean()).map(([from, word, big]) =>
    edit(`word ${word} at ${from}`, (bytes) => {
      const start = Math.max(0, Math.min(from, bytes.length - 4));
      if (bytes.length >= 4) bytes[big ? 'writeUInt32BE' : 'writeUInt32LE'](word, start);
      return bytes;
    }),
  );
  const cutOut = range.map(([a, b]) =>
    edit(`${a} to ${b} cut out`, (bytes) => Buffer.concat([bytes.subarray(0, a), bytes.subarray(b + 1)])),
  );
  const doubled = range.map(([a, b]) =>
    edit(`${a} to ${b} twice`, (bytes) => Buffer.concat([bytes.subarray(0, b + 1), bytes.subarray(a)])),
  );
  const swapped = range.map(([a, b]) =>
    edit(`${a} to ${b} moved to the end`, (bytes) =>
      Buffer.concat([bytes.subarray(0, a), bytes.subarray(b), bytes.subarray(a, b)]),
    ),
  );
  const spliced = fc
    .tuple(at, fc.nat(9_999), fc.constantFrom(...(others.length > 0 ? others : [Buffer.from('{}\n')])))
    .map(([a, b, other]) =>
      edit(`${a} bytes, then another file`, (bytes) =>
        Buffer.concat([bytes.subarray(0, a), other.subarray(b % (other.length + 1))]),
      ),
    );
  const cut = at.map((end) => edit(`cut at ${end}`, (bytes) => bytes.subarray(0, end)));
  const longer = fc
    .uint8Array({ minLength: 1, maxLength: 600, size: 'max' })
    .map((more) => edit(`${more.length} bytes more`, (bytes) => Buffer.concat([bytes, more])));
  const packed = fc.constant(edit('gzipped', (bytes) => gzipSync(bytes)));
  const any = fc.oneof(
    { weight: 3, arbitrary: flips },
    { weight: 3, arbitrary: overwritten },
    { weight: 3, arbitrary: words },
    { weight: 2, arbitrary: cutOut },
    { weight: 2, arbitrary: doubled },
    { weight: 2, arbitrary: swapped },
    { weight: 2, arbitrary: spliced },
    { weight: 2, arbitrary: cut },
    { weight: 1, arbitrary: longer },
    { weight: 1, arbitrary: packed },
  );
  return any.filter(({ bytes }) => !bytes.equals(sound));
}

/** Random bytes, also behind the first bytes of a sound file, so that a signature passes. */
export const noise = (sound: Uint8Array, maxLength = 2_000): fc.Arbitrary<Damaged> =>
  fc
    .tuple(fc.nat(Math.min(32, sound.length)), fc.uint8Array({ maxLength, size: 'max' }))
    .map(([kept, random]) => ({
      bytes: Buffer.concat([sound.subarray(0, kept), random]),
      what: `${kept} bytes, then ${random.length} random`,
    }))
    .filter(({ bytes }) => !bytes.equals(sound));

export const bad = (sound: Uint8Array, others: readonly Uint8Array[] = []): fc.Arbitrary<Damaged> =>
  fc.oneof({ weight: 4, arbitrary: damaged(sound, others) }, { weight: 1, arbitrary: noise(sound) });
