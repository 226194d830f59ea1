import { UserError } from '../errors.ts';

const block = 512;

/**
 * The regular files of a tar archive, by path, without copying. Nothing is written: a path is only a name to ask for. Enough of the format for the archives that data sets and
 * npm packages come in: ustar names with their prefix; links, folders and extended headers are passed over.
 *
 * Reference: POSIX.1-2017, pax, "ustar Interchange Format".
 */
export function untar(bytes: Uint8Array, path: string): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const refuse = (what: string) =>
    new UserError(`${path} is not a sound tar archive: ${what}`, {
      remedy: 'the file is cut off or altered: fetch it again',
    });
  let at = 0;
  while (at + block <= bytes.length) {
    const header = bytes.subarray(at, at + block);
    if (header.every((byte) => byte === 0)) return files;
    if (octal(header, 148, 8) !== checksum(header)) throw refuse(`wrong header checksum at byte ${at}`);

    const size = octal(header, 124, 12);
    const start = at + block;
    if (!(start + size <= bytes.length))
      throw refuse(`an entry of ${size} bytes at byte ${at}, ${bytes.length - start} are left`);
    const kind = header[156];
    if (kind === 0 || kind === 0x30) {
      const prefix = text(header, 257, 5) === 'ustar' ? text(header, 345, 155) : '';
      const name = prefix === '' ? text(header, 0, 100) : `${prefix}/${text(header, 0, 100)}`;
      if (files.has(name)) throw refuse(`two entries of one name, the second at byte ${at}`);
      files.set(name, bytes.subarray(start, start + size));
    }
    at = start + Math.ceil(size / block) * block;
  }
  throw refuse('it ends without its closing blocks');
}

function text(header: Uint8Array, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString();
}

/** A number field; NaN where it is not octal digits, which equals no checksum and is within no length. */
function octal(header: Uint8Array, start: number, length: number): number {
  const digits = text(header, start, length).trim();
  return /^[0-7]+$/.test(digits) ? parseInt(digits, 8) : NaN;
}

/** Sum of the header's bytes, its checksum field counted as spaces. */
function checksum(header: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < block; i++) sum += i >= 148 && i < 156 ? 0x20 : (header[i] as number);
  return sum;
}
