/** PGM, PPM and BMP, which libvips does not read: byte for byte the RGB pixels that Pillow makes of them. */
import type { Care } from './decode.ts';
import { sixteenBits, type Header } from './imageHeader.ts';
import type { Pixels } from './resample.ts';

export interface Bitmap extends Header {
  /** All pixels; throws where the file ends before them, unless `care` lets the rest stay grey. */
  readonly pixels: (care: Care) => Pixels;
}

const grey = 128;
const blank = ({ width, height }: { width: number; height: number }) => new Uint8Array(width * height * 3).fill(grey);
const cutOff = (found: number, expected: number) => new Error(`ends after ${found} of ${expected} bytes of pixels`);

const isSpace = (byte: number | undefined) => byte !== undefined && (byte === 32 || (byte >= 9 && byte <= 13));
const [hash, newLine, carriageReturn, zero] = [35, 10, 13, 48];
const longestNumber = 10;

/** Reads numbers separated by white space, from `at` on; `#` starts a comment, which ends with its line. */
function numbers(bytes: Uint8Array, at: number) {
  return {
    /** undefined at the end of the file. */
    next: (): number | undefined => {
      let [value, digits] = [0, 0];
      for (; at < bytes.length; at++) {
        const byte = bytes[at]!;
        if (byte === hash) {
          while (at < bytes.length && bytes[at] !== newLine && bytes[at] !== carriageReturn) at += 1;
        } else if (isSpace(byte)) {
          if (digits > 0) break;
        } else {
          if (byte < zero || byte > zero + 9) throw new Error(`has byte ${byte} where a digit is expected`);
          value = value * 10 + (byte - zero);
          digits += 1;
          if (digits > longestNumber) throw new Error('has a number of more than ten digits');
        }
      }
      at += 1; // the one white space that ends a number belongs to it
      return digits === 0 ? undefined : value;
    },
    place: () => at,
  };
}

/**
 * P2, P3 (numbers as text), P5 and P6 (as bytes, two a value above a maximum of 255). Values are scaled to 0 … 255 and rounded half to
 * even. Grey of more than 8 bits is refused, see `sixteenBits`.
 *
 * Reference: Netpbm, ppm(5) and pgm(5); Pillow, PpmImagePlugin.py.
 */
export function readPnm(bytes: Uint8Array): Bitmap {
  const kind = bytes[1]! - zero;
  if (!isSpace(bytes[2])) throw new Error(`has byte ${bytes[2]} after P${kind}, expected white space`);
  const header = numbers(bytes, 3);
  const [width, height, most] = [header.next(), header.next(), header.next()];
  if (width === undefined || height === undefined || most === undefined) throw new Error('ends within its header');
  if (most < 1 || most > 65_535) throw new Error(`has maximum ${most}, expected 1 to 65535`);
  const [isText, isGrey] = [kind === 2 || kind === 3, kind === 2 || kind === 5];
  if (isGrey && most > 255) throw sixteenBits();

  const size = most > 255 ? 2 : 1;
  const count = width * height * (isGrey ? 1 : 3);
  const start = header.place();
  const left = Math.max(0, bytes.length - start);
  const text = numbers(bytes, start);
  const next = isText
    ? text.next
    : (i: number) =>
        (i + 1) * size > left
          ? undefined
          : size === 1
            ? bytes[start + i]!
            : bytes[start + 2 * i]! * 256 + bytes[start + 2 * i + 1]!;
  return {
    ...{ width, height, isCmyk: false },
    pixels: (care) => {
      const least = isText ? 2 * count - 1 : count * size; // a digit and a space a number
      if (care === 'strict' && left < least) throw cutOff(left, least);
      const data = blank({ width, height });
      const scaled = Uint8Array.from({ length: most + 1 }, (_, value) => roundHalfEven((value / most) * 255));
      for (let i = 0; i < count; i++) {
        const value = next(i);
        if (value === undefined && care === 'strict') throw new Error(`ends after ${i} of ${count} values`);
        if (value === undefined) break;
        if (value > most) throw new Error(`has a value of ${value}, its maximum is ${most}`);
        if (isGrey) data.fill(scaled[value]!, 3 * i, 3 * i + 3);
        else data[i] = scaled[value]!;
      }
      if (isText && care === 'strict' && text.place() > bytes.length) {
        throw new Error('ends without white space after its last number, which may be cut off');
      }
      return { data, width, height };
    },
  };
}

function roundHalfEven(x: number): number {
  const down = Math.floor(x);
  return x - down === 0.5 ? down + (down % 2) : Math.round(x);
}

const bmpHeaders = [12, 40, 52, 56, 64, 108, 124];
const depths = [1, 4, 8, 24, 32];
/** Value of the field for compression. */
const [plain, bitFields] = [0, 3];

/**
 * BMP of 1, 4, 8, 24 and 32 bits, the rows from below or from above. What is compressed, and 16 bits, are refused.
 *
 * Reference: Microsoft, BITMAPFILEHEADER and BITMAPV5HEADER; Pillow, BmpImagePlugin.py.
 */
export function readBmp(bytes: Uint8Array): Bitmap {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const within = (at: number, length: number) => {
    if (at + length > bytes.length) throw new Error('ends within its header');
    return at;
  };
  const u16 = (at: number) => view.getUint16(within(at, 2), true);
  const u32 = (at: number) => view.getUint32(within(at, 4), true);
  const headerSize = u32(14);
  if (!bmpHeaders.includes(headerSize)) throw new Error(`has a BMP header of ${headerSize} bytes, which is not known`);
  within(14, headerSize);
  const isOld = headerSize === 12;
  const rows = isOld ? u16(20) : view.getInt32(22, true);
  const [width, height] = [isOld ? u16(18) : u32(18), Math.abs(rows)];
  const [bits, compression] = [u16(isOld ? 24 : 28), isOld ? plain : u32(30)];
  if (compression !== plain && !(compression === bitFields && bits >= 24)) {
    throw new Error(`is a BMP compressed with scheme ${compression}, which is not read; store it uncompressed`);
  }
  if (!depths.includes(bits)) throw new Error(`is a BMP of ${bits} bits a pixel; 1, 4, 8, 24 and 32 are read`);

  const colours = bits > 8 ? 0 : (isOld ? 0 : u32(46)) || 1 << bits;
  if (colours > 65_536) throw new Error(`has a palette of ${colours} colours`);
  const entry = isOld ? 3 : 4;
  const palette = within(14 + headerSize, colours * entry);
  const declared = u32(10);
  // some writers leave the palette out of where the pixels are said to start
  const start = declared === palette ? declared + colours * entry : declared;
  const places = compression === bitFields ? maskPlaces(bits, [54, 58, 62].map(u32)) : [2, 1, 0];
  const stride = Math.ceil((width * bits) / 32) * 4;

  const pixels = (care: Care): Pixels => {
    const left = Math.max(0, bytes.length - start);
    if (care === 'strict' && left < stride * height) throw cutOff(left, stride * height);
    const data = blank({ width, height });
    for (let stored = 0; stored < Math.min(height, Math.floor(left / Math.max(1, stride))); stored++) {
      const row = start + stored * stride;
      let to = (rows < 0 ? stored : height - 1 - stored) * width * 3;
      for (let x = 0; x < width; x++, to += 3) {
        let from = row + x * (bits / 8);
        if (bits <= 8) {
          const byte = bytes[row + Math.floor((x * bits) / 8)]!;
          const index = (byte >> (8 - bits - ((x * bits) % 8))) & ((1 << bits) - 1);
          if (index >= colours) throw new Error(`has a pixel of colour ${index} in a palette of ${colours}`);
          from = palette + index * entry;
        }
        for (let c = 0; c < 3; c++) data[to + c] = bytes[from + places[c]!]!;
      }
    }
    return { data, width, height };
  };
  return { width, height, isCmyk: false, pixels };
}

/** Where in a pixel red, green and blue are, from their masks; without masks, as where there are none. */
function maskPlaces(bits: number, masks: readonly number[]): number[] {
  if (masks.every((mask) => mask === 0) && bits === 32) return [2, 1, 0];
  return masks.map((mask) => {
    const place = [0xff, 0xff00, 0xff0000, 0xff000000].indexOf(mask);
    if (place < 0 || place >= bits / 8) throw new Error(`has colour mask ${mask.toString(16)}, not a byte of a pixel`);
    return place;
  });
}
