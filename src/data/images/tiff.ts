/** TIFF, as far as libvips and Pillow may read it differently: which kinds are decoded at all, and which way up they are. */
import { sixteenBits, type Header } from './imageHeader.ts';
import type { Pixels } from './resample.ts';

export interface TiffHeader extends Header {
  /** 1 to 8, as the tag Orientation counts them; 1: as stored. */
  readonly orientation: number;
}

const tags = {
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  orientation: 274,
  samples: 277,
  palette: 320,
  extra: 338,
  sampleFormat: 339,
} as const;

/** Compressions that libvips has everywhere: none, CCITT, LZW, JPEG, deflate under its two numbers, PackBits. */
const compressions = [1, 2, 3, 4, 5, 7, 8, 32_946, 32_773];
const otherCompressions: Readonly<Record<number, string>> = { 34_925: 'LZMA', 50_000: 'ZSTD', 50_001: 'WebP' };

/**
 * What the first directory of a TIFF says. Throws for kinds of pixels that libvips and Pillow do not turn into the same RGB bytes:
 * 16-bit grey, signed and floating-point samples, premultiplied transparency, YCbCr outside JPEG, CIELAB, palettes of 8 bits.
 *
 * Reference: TIFF revision 6.0, Adobe, 1992; BigTIFF.
 */
export function readTiffHeader(bytes: Uint8Array): TiffHeader {
  const values = firstDirectory(bytes);
  const one = (tag: number, otherwise: number) => values(tag, 1)[0] ?? otherwise;
  const compression = one(tags.compression, 1);
  if (!compressions.includes(compression)) {
    const name = otherCompressions[compression] ?? `scheme ${compression}`;
    throw new Error(`is a TIFF compressed with ${name}, which is not read; store it with LZW or deflate`);
  }
  const samples = one(tags.samples, 1);
  if (samples < 1 || samples > 4) throw new Error(`is a TIFF of ${samples} samples a pixel, which is not read`);
  const [depths, kinds] = [values(tags.bits, samples), values(tags.sampleFormat, samples)];
  const bits = depths[0] ?? 1;
  const photometric = one(tags.photometric, -1);
  const isUnsigned = kinds.every((kind) => kind === 1);
  const isPremultiplied = values(tags.extra, 4).includes(1);
  if (isUnsigned && photometric <= 1 && bits === 16) throw sixteenBits();
  const layout = layouts.find((known) => known.photometric.includes(photometric) && known.samples.includes(samples));
  const isRead =
    layout?.bits.includes(bits) && isUnsigned && !isPremultiplied && depths.every((depth) => depth === bits);
  if (!isRead || (photometric === 6 && compression !== 7)) {
    const what = `${samples} × ${bits} bits, photometric ${photometric}, sample format ${kinds[0] ?? 1}`;
    throw new Error(`is a TIFF of a kind that loaders read differently (${what}); store it as 8-bit grey or RGB`);
  }
  if (photometric === 3 && values(tags.palette, 3 << bits).every((value) => value < 256)) {
    throw new Error('is a TIFF with a palette of 8 bits instead of 16, which loaders read differently');
  }
  const orientation = one(tags.orientation, 1);
  if (orientation < 1 || orientation > 8) throw new Error(`has orientation ${orientation}, expected 1 to 8`);
  const [width, height] = [one(tags.width, 0), one(tags.height, 0)];
  const isTurned = orientation >= 5;
  const size = isTurned ? { width: height, height: width } : { width, height };
  return { ...size, isCmyk: photometric === 5, orientation };
}

/** White is zero, black is zero, RGB, palette, CMYK, YCbCr. */
const layouts: readonly {
  readonly photometric: readonly number[];
  readonly samples: readonly number[];
  readonly bits: readonly number[];
}[] = [
  { photometric: [0, 1], samples: [1], bits: [1, 2, 4, 8] },
  { photometric: [0, 1], samples: [2], bits: [8] },
  { photometric: [2], samples: [3, 4], bits: [8, 16] },
  { photometric: [3], samples: [1], bits: [1, 2, 4, 8] },
  { photometric: [5], samples: [4], bits: [8] },
  { photometric: [6], samples: [3], bits: [8] },
];

/** Bytes a value, of the types BYTE, SHORT, LONG and LONG8; the tags used here have no others. */
const sizes: Readonly<Record<number, 1 | 2 | 4 | 8>> = { 1: 1, 3: 2, 4: 4, 16: 8 };

/** Finds the values of a tag, at most so many; none where the tag is absent. */
function firstDirectory(bytes: Uint8Array): (tag: number, most: number) => number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isLittle = bytes[0] === 0x49;
  const within = (at: number, length: number) => {
    if (!(at + length <= bytes.length)) throw new Error('ends before its TIFF directory does');
    return at;
  };
  const number = (at: number, size: 1 | 2 | 4 | 8): number => {
    within(at, size);
    if (size === 8) return Number(view.getBigUint64(at, isLittle));
    return size === 1 ? view.getUint8(at) : size === 2 ? view.getUint16(at, isLittle) : view.getUint32(at, isLittle);
  };
  const isBig = number(2, 2) === 43;
  const word = isBig ? 8 : 4;
  const [countSize, entrySize] = isBig ? ([8, 20] as const) : ([2, 12] as const);
  const start = number(isBig ? 8 : 4, word);
  const count = number(start, countSize);
  const first = within(start + countSize, count * entrySize);

  return (tag, most) => {
    for (let i = 0; i < count; i++) {
      const at = first + i * entrySize;
      if (number(at, 2) !== tag) continue;
      const size = sizes[number(at + 2, 2)];
      if (size === undefined) throw new Error(`has tag ${tag} of a type it cannot have`);
      const length = number(at + 4, word);
      const place = at + 4 + word;
      const from = length * size <= word ? place : number(place, word);
      return Array.from({ length: Math.min(length, most) }, (_, k) => number(from + k * size, size));
    }
    return [];
  };
}

/** The pixels of a TIFF the right way up, as Pillow turns them. */
export function turned({ data, width, height }: Pixels, orientation: number): Pixels {
  if (orientation === 1) return { data, width, height };
  const isTurned = orientation >= 5;
  const [w, h] = isTurned ? [height, width] : [width, height];
  const fromRight = [2, 3, 7, 8].includes(orientation);
  const fromBelow = [3, 4, 6, 7].includes(orientation);
  const out = new Uint8Array(data.length);
  for (let y = 0, to = 0; y < h; y++) {
    for (let x = 0; x < w; x++, to += 3) {
      const [column, row] = isTurned ? [y, x] : [x, y];
      const from = ((fromBelow ? height - 1 - row : row) * width + (fromRight ? width - 1 - column : column)) * 3;
      out[to] = data[from]!;
      out[to + 1] = data[from + 1]!;
      out[to + 2] = data[from + 2]!;
    }
  }
  return { data: out, width: w, height: h };
}
