/** One encoded or raw image to the pixels that training sees. Loads libvips: to be imported where images are decoded, not before. */
import sharp, { type Sharp } from 'sharp';
import { begin } from '../../spans.ts';
import { readBmp, readPnm, type Bitmap } from './bitmap.ts';
import { formatOf, isSixteenBitPng, readHeader, sixteenBits, type Header } from './imageHeader.ts';
import { resample, type Box, type Pixels } from './resample.ts';
import type { Geometry } from './resizedCrop.ts';
import { readTiffHeader, turned } from './tiff.ts';
import { turboJpeg, type Part } from './turboJpeg.ts';

/** The largest image that is decoded, in pixels: beyond it a header is taken for a mistake or an attack. */
const mostPixels = 100_000_000;

/** What a record holds: a file's bytes, or pixels. */
export type Stored = { readonly encoded: Uint8Array } | Pixels;

/** How broken files are read: `strict` refuses one of which any pixel is missing, `lenient` leaves what is missing grey. */
export type Care = 'strict' | 'lenient';

sharp.concurrency(1); // one image a thread: the parallelism is between images
sharp.cache(false);

/** What of a fault libvips makes an error. A TIFF that ends early, or that it cannot decompress, is black up to `error`. */
type FailOn = 'none' | 'error' | 'warning';
const failOn = { strict: 'warning', lenient: 'none' } as const satisfies Record<Care, FailOn>;

/** Warnings about a JPEG of which all pixels are there; any other is about data that are missing. */
const harmless =
  /^(VipsJpeg: )?(Corrupt JPEG data: \d+ extraneous bytes before marker 0xd9|Warning: unknown JFIF revision.*)$/;

/** Opens a file's bytes; EXIF rotation is ignored. */
const open = (encoded: Uint8Array, fail: FailOn): Sharp =>
  sharp(encoded, { failOn: fail, ignoreIcc: true, limitInputPixels: mostPixels });

/** As 8-bit RGB: greyscale is replicated, transparency dropped. */
const rgb = (image: Sharp) => image.removeAlpha().toColourspace('srgb');
/** As the file has them: left to libvips, inks would go through a profile for print, other colours than everybody trains on. */
const inks = (image: Sharp) => image.pipelineColourspace('cmyk').toColourspace('cmyk');

/** What an image is, and how a part of it is decoded: to pixels, and where in them the part lies. */
interface Opened {
  readonly width: number;
  readonly height: number;
  readonly decode: (box: Box) => Part | Promise<Part>;
}

/** Reads an image's header; throws for formats and kinds of pixels that are not read, and for sizes beyond reason. */
async function openImage(encoded: Uint8Array, care: Care): Promise<Opened> {
  if (encoded.length === 0) throw new Error('is empty');
  const format = formatOf(encoded);
  if (format === 'bmp' || format === 'pnm') return openBitmap((format === 'bmp' ? readBmp : readPnm)(encoded), care);
  if (format === 'tiff') {
    const { orientation, ...header } = sized(readTiffHeader(encoded));
    if (orientation === 1) return { ...header, decode: (box) => decodePart(encoded, header, care, box) };
    const stored = orientation < 5 ? header : { ...header, width: header.height, height: header.width };
    const decode = async (box: Box) => {
      const { pixels } = await decodePart(encoded, stored, care, wholeOf(stored));
      return { pixels: turned(pixels, orientation), box };
    };
    return { ...header, decode };
  }
  if (isSixteenBitPng(encoded)) throw sixteenBits();
  const header = sized(readHeader(encoded) ?? (await otherHeader(encoded, care)));
  return { ...header, decode: (box) => decodePart(encoded, header, care, box) };
}

function openBitmap(bitmap: Bitmap, care: Care): Opened {
  return { ...sized(bitmap), decode: (box) => ({ pixels: refuseBlank(bitmap.pixels(care), care), box }) };
}

function sized<H extends Header>(header: H): H {
  const { width, height } = header;
  if (width * height > mostPixels) throw new Error(`is ${width}×${height} pixels large`);
  if (width < 1 || height < 1) throw new Error('has no pixels');
  return header;
}

const wholeOf = ({ width, height }: Pick<Header, 'width' | 'height'>): Box => ({ left: 0, top: 0, width, height });

/** Decodes the part `box` of an image. Lines below it are not decoded. */
async function decodePart(encoded: Uint8Array, { width, isCmyk }: Header, care: Care, box: Box): Promise<Part> {
  const quick = isCmyk || encoded[0] !== 0xff ? undefined : turboJpeg?.(encoded, box, width);
  if (quick !== undefined) return quick;
  const decode = (fail: FailOn) =>
    (isCmyk ? inks : rgb)(open(encoded, fail).extract(box))
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
  const { data, info } = await decode(failOn[care]).catch((error: unknown) => {
    const lines = [...new Set((error as Error).message.trim().split(/\s*\n\s*/))];
    if (care === 'strict' && lines.every((line) => harmless.test(line))) return decode('error');
    throw new Error(lines.filter((line) => !line.includes('failOn')).join('; '), { cause: error });
  });
  if (info.channels !== (isCmyk ? 4 : 3)) throw new Error(`decodes to ${info.channels} channels`);
  const pixels = { data: isCmyk ? rgbOf(data) : data, width: info.width, height: info.height };
  return { pixels: refuseBlank(pixels, care), box: { ...box, left: 0, top: 0 } };
}

/** A broken file of which nothing could be decoded comes as one colour, black or grey: no image to train on. */
function refuseBlank(pixels: Pixels, care: Care): Pixels {
  const { data } = pixels;
  if (care === 'lenient' && data.every((value) => value === data[0]))
    throw new Error('has no pixel that can be decoded');
  return pixels;
}

/**
 * CMYK → RGB, ink by ink, as Pillow does it, with its rounding:
 *
 *     red = (255 − K) − C (255 − K) / 255      likewise green of M, blue of Y
 */
export function rgbOf(cmyk: Uint8Array): Uint8Array {
  const out = new Uint8Array((cmyk.length / 4) * 3);
  for (let from = 0, to = 0; from < cmyk.length; from += 4, to += 3) {
    const light = 255 - (cmyk[from + 3] as number);
    for (let ink = 0; ink < 3; ink++) {
      out[to + ink] = light - Math.round(((cmyk[from + ink] as number) * light) / 255);
    }
  }
  return out;
}

/** All pixels of an image. */
export async function decodeWhole(stored: Stored, care: Care): Promise<Pixels> {
  if (!('encoded' in stored)) return stored;
  const image = await openImage(stored.encoded, care);
  return (await image.decode(wholeOf(image))).pixels;
}

/** Writes an image, cut and resized as `geometry` says for its size, to `out` at `to`. */
export async function writeTransformed(
  stored: Stored,
  geometryOf: (width: number, height: number) => Geometry,
  care: Care,
  out: Uint8Array,
  to: number,
): Promise<void> {
  if (!('encoded' in stored)) {
    const geometry = geometryOf(stored.width, stored.height);
    return augment(stored, geometry.box, geometry, out, to);
  }
  const endDecode = begin('decode');
  const image = await openImage(stored.encoded, care);
  const geometry = geometryOf(image.width, image.height);
  const { pixels, box } = await image.decode(geometry.box);
  endDecode();
  augment(pixels, box, geometry, out, to);
}

function augment(pixels: Pixels, box: Box, geometry: Geometry, out: Uint8Array, to: number): void {
  const endAugment = begin('augment');
  resample(pixels, box, geometry.target, out, to, geometry);
  endAugment();
}

async function otherHeader(encoded: Uint8Array, care: Care): Promise<Header> {
  const { width, height, space } = await open(encoded, failOn[care]).metadata();
  return { width, height, isCmyk: space === 'cmyk' };
}

/** JPEG of RGB pixels at quality 90, colours at half resolution. */
export const encodeJpeg = ({ data, width, height }: Pixels): Promise<Uint8Array> =>
  sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer();
