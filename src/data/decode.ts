/** One encoded or raw image to the pixels that training sees. Loads libvips: to be imported where images are decoded, not before. */
import sharp, { type Sharp } from 'sharp';
import { imageSize } from './imageHeader.ts';
import { resample, type Pixels } from './resample.ts';
import type { Geometry } from './resizedCrop.ts';

/** The largest image that is decoded, in pixels: beyond it a header is taken for a mistake or an attack. */
const mostPixels = 100_000_000;

/** What a record holds: a file's bytes, or pixels. */
export type Stored = { readonly encoded: Uint8Array } | Pixels;

/** How broken files are read: `strict` refuses one that ends early, `lenient` leaves what is missing grey. */
export type Care = 'strict' | 'lenient';

sharp.concurrency(1); // one image a thread: the parallelism is between images
sharp.cache(false);

/** Opens a file's bytes as 8-bit RGB: greyscale is replicated, CMYK converted, transparency dropped, EXIF rotation ignored. */
const open = (encoded: Uint8Array, care: Care): Sharp =>
  sharp(encoded, {
    failOn: care === 'strict' ? 'truncated' : 'none',
    ignoreIcc: true,
    limitInputPixels: mostPixels,
  });

const rgb = (image: Sharp) => image.removeAlpha().toColourspace('srgb').raw({ depth: 'uchar' });

/** Decodes a part of an image, or all of it. Lines below the part are not decoded. */
async function decodePart(encoded: Uint8Array, care: Care, box?: Geometry['box']): Promise<Pixels> {
  const image = open(encoded, care);
  const { data, info } = await rgb(box === undefined ? image : image.extract(box)).toBuffer({
    resolveWithObject: true,
  });
  if (info.channels !== 3) throw new Error(`decodes to ${info.channels} channels`);
  return { data, width: info.width, height: info.height };
}

/** All pixels of an image. */
export const decodeWhole = (stored: Stored, care: Care): Promise<Pixels> =>
  'encoded' in stored ? decodePart(stored.encoded, care) : Promise.resolve(stored);

/** Writes an image, cut and resized as `geometry` says for its size, to `out` at `to`. */
export async function writeTransformed(
  stored: Stored,
  geometryOf: (width: number, height: number) => Geometry,
  care: Care,
  out: Uint8Array,
  to: number,
): Promise<void> {
  const size = 'encoded' in stored ? await sizeOf(stored.encoded, care) : stored;
  const geometry = geometryOf(size.width, size.height);
  const isEncoded = 'encoded' in stored;
  const pixels = isEncoded ? await decodePart(stored.encoded, care, geometry.box) : stored;
  const box = isEncoded ? { left: 0, top: 0, width: pixels.width, height: pixels.height } : geometry.box;
  resample(pixels, box, geometry.target, out, to, geometry);
}

async function sizeOf(encoded: Uint8Array, care: Care): Promise<{ width: number; height: number }> {
  if (encoded.length === 0) throw new Error('is empty');
  const size = imageSize(encoded) ?? (await open(encoded, care).metadata());
  if (size.width * size.height > mostPixels) throw new Error(`is ${size.width}×${size.height} pixels large`);
  if (size.width < 1 || size.height < 1) throw new Error('has no pixels');
  return size;
}

/** JPEG of RGB pixels at quality 90, colours at half resolution. */
export const encodeJpeg = ({ data, width, height }: Pixels): Promise<Uint8Array> =>
  sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer();
