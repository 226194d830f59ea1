/** What the first bytes of an image say: which format it is, its size, and whether it is of a kind that decoders read differently. */

export type Format = 'jpeg' | 'png' | 'webp' | 'tiff' | 'bmp' | 'pnm';

export interface Header {
  readonly width: number;
  readonly height: number;
  /** Four inks instead of three colours. */
  readonly isCmyk: boolean;
}

/** Bytes as characters, `.` for any. */
const signatures: readonly (readonly [Format, string])[] = [
  ['jpeg', '\xff\xd8'],
  ['png', '\x89PNG'],
  ['webp', 'RIFF....WEBP'],
  ['tiff', 'II*\0'],
  ['tiff', 'MM\0*'],
  ['tiff', 'II+\0'],
  ['tiff', 'MM\0+'],
  ['bmp', 'BM'],
  ['pnm', 'P2'],
  ['pnm', 'P3'],
  ['pnm', 'P5'],
  ['pnm', 'P6'],
];
const otherSignatures: readonly (readonly [string, string])[] = [
  ['a GIF', 'GIF8'],
  ['a bitmap of black and white (PBM)', 'P1'],
  ['a bitmap of black and white (PBM)', 'P4'],
  ['a JPEG 2000 image', '....jP  '],
  ['an AVIF or HEIF image', '....ftyp'],
];

/**
 * The format of an image, whatever its name ends in. Throws for others, which libvips may decode and Pillow, too, but to other
 * pixels: AVIF, vector graphics, GIF (its transparent pixels differ, and its decoder does not tell that data are missing).
 */
export function formatOf(bytes: Uint8Array): Format {
  const start = Buffer.from(bytes.subarray(0, 12)).toString('latin1');
  const fits = ([, signature]: readonly [string, string]) =>
    [...signature].every((c, i) => c === '.' || start[i] === c);
  const format = signatures.find(fits)?.[0];
  if (format !== undefined) return format;
  const name = otherSignatures.find(fits)?.[0] ?? 'no image';
  throw new Error(`is ${name}; what is read is JPEG, PNG, WebP, TIFF, BMP, PGM and PPM`);
}

/** What the header of a JPEG or PNG says; undefined for other formats and for what ends too early. */
export function readHeader(bytes: Uint8Array): Header | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isPng(bytes) && bytes.length >= 24) {
    return { width: view.getUint32(16), height: view.getUint32(20), isCmyk: false };
  }
  if (bytes.length < 4 || view.getUint16(0) !== 0xffd8) return undefined;
  let at = 2;
  while (at + 10 <= bytes.length) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1] as number;
    if (marker === 0xff) at += 1;
    else if (isFrame(marker)) {
      return { height: view.getUint16(at + 5), width: view.getUint16(at + 7), isCmyk: bytes[at + 9] === 4 };
    } else at += 2 + (marker >= 0xd0 && marker <= 0xd9 ? 0 : view.getUint16(at + 2));
  }
  return undefined;
}

const isPng = (bytes: Uint8Array) =>
  Buffer.from(bytes.subarray(0, 16)).toString('latin1').startsWith('\x89PNG\r\n\x1a\n\0\0\0\rIHDR');

/** Whether a PNG holds grey values of 16 bits. */
export const isSixteenBitPng = (bytes: Uint8Array): boolean => isPng(bytes) && bytes[24] === 16 && bytes[25] === 0;

/** Pillow clips these to 255, which makes most of them white, and others scale them. */
export const sixteenBits = () =>
  new Error('has grey values of 16 bits, which loaders turn into 8 bits in different ways; store it with 8 bits');

/** Start of frame: C0 to CF, apart from the tables C4 and CC and the reserved C8. */
const isFrame = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
