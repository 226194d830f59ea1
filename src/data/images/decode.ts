/** One encoded or raw image to the pixels that training sees. Loads libvips: to be imported where images are decoded, not before. */
import sharp, { type Sharp } from 'sharp';
import { begin } from '../../spans.ts';
import { readHeader, type Header } from './imageHeader.ts';
import { resample, type Box, type Pixels } from './resample.ts';
import type { Geometry } from './resizedCrop.ts';
import { turboJpeg, type Part } from './turboJpeg.ts';

/** The largest image that is decoded, in pixels: beyond it a header is taken for a mistake or an attack. */
const mostPixels = 100_000_000;

/** What a record holds: a file's bytes, or pixels. */
export type Stored = { readonly encoded: Uint8Array } | Pixels;

/** How broken files are read: `strict` refuses one that ends early, `lenient` leaves what is missing grey. */
export type Care = 'strict' | 'lenient';

sharp.concurrency(1); // one image a thread: the parallelism is between images
sharp.cache(false);

/** Opens a file's bytes; EXIF rotation is ignored. */
const open = (encoded: Uint8Array, care: Care): Sharp =>
  sharp(encoded, {
    failOn: care === 'strict' ? 'truncated' : 'none',
    ignoreIcc: true,
    limitInputPixels: mostPixels,
  });

/** As 8-bit RGB: greyscale is replicated, transparency dropped. */
const rgb = (image: Sharp) => image.removeAlpha().toColourspace('srgb');
/** As the file has them: left to libvips, inks would go through a profile for print, other colours than everybody trains on. */
const inks = (image: Sharp) => image.pipelineColourspace('cmyk').toColourspace('cmyk');

/** Decodes the part `box` of an image: pixels, and where in them the box lies. Lines below it are not decoded. */
async function decodePart(encoded: Uint8Array, { width, isCmyk }: Header, care: Care, box: Box): Promise<Part> {
  const quick = isCmyk ? undefined : turboJpeg?.(encoded, box, width);
  if (quick !== undefined) return quick;
  const { data, info } = await (isCmyk ? inks : rgb)(open(encoded, care).extract(box))
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== (isCmyk ? 4 : 3)) throw new Error(`decodes to ${info.channels} channels`);
  const pixels = { data: isCmyk ? rgbOf(data) : data, width: info.width, height: info.height };
  return { pixels, box: { ...box, left: 0, top: 0 } };
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
  const header = await headerOf(stored.encoded, care);
  const whole = { left: 0, top: 0, width: header.width, height: header.height };
  return (await decodePart(stored.encoded, header, care, whole)).pixels;
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
  const header = await headerOf(stored.encoded, care);
  const geometry = geometryOf(header.width, header.height);
  const { pixels, box } = await decodePart(stored.encoded, header, care, geometry.box);
  endDecode();
  augment(pixels, box, geometry, out, to);
}

function augment(pixels: Pixels, box: Box, geometry: Geometry, out: Uint8Array, to: number): void {
  const endAugment = begin('augment');
  resample(pixels, box, geometry.target, out, to, geometry);
  endAugment();
}

async function headerOf(encoded: Uint8Array, care: Care): Promise<Header> {
  if (encoded.length === 0) throw new Error('is empty');
  const header = readHeader(encoded) ?? (await otherHeader(encoded, care));
  if (header.width * header.height > mostPixels) throw new Error(`is ${header.width}×${header.height} pixels large`);
  if (header.width < 1 || header.height < 1) throw new Error('has no pixels');
  return header;
}

async function otherHeader(encoded: Uint8Array, care: Care): Promise<Header> {
  const { width, height, space } = await open(encoded, care).metadata();
  return { width, height, isCmyk: space === 'cmyk' };
}

/** JPEG of RGB pixels at quality 90, colours at half resolution. */
export const encodeJpeg = ({ data, width, height }: Pixels): Promise<Uint8Array> =>
  sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer();
