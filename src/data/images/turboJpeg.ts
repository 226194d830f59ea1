/**
 * libjpeg-turbo, called directly: a part of a JPEG in half the time that libvips takes, the same pixels. libvips hands each image to
 * its threads; this decodes where it is called. The library comes with an optional package; without it libvips decodes everything.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import koffi from 'koffi';
import type { Box, Pixels } from './resample.ts';

/** From turbojpeg.h. */
const [decompress, rgb] = [1, 0];
const parameter = { stopOnWarning: 0, subsampling: 4 };

/** Width of the blocks that are coded together, by subsampling: 4:4:4, 4:2:2, 4:2:0, grey, 4:4:0, 4:1:1, 4:4:1. */
const blockWidths = [8, 16, 16, 8, 8, 32, 8];

/** Pixels of an image around a part of it, and where in them that part lies. */
export interface Part {
  readonly pixels: Pixels;
  readonly box: Box;
}

/**
 * Decodes the part `box` of a JPEG of one or three colours, `width` pixels wide. Nothing for what is not such a JPEG, and for one
 * with any fault: what to make of that is left to others.
 */
export type TurboJpeg = (encoded: Uint8Array, box: Box, width: number) => Part | undefined;

function open(path: string): TurboJpeg {
  const library = koffi.load(path);
  /** A function of the library by its prototype, as in turbojpeg.h. */
  const c = <F extends (...args: never[]) => unknown>(prototype: string) => library.func(prototype) as unknown as F;
  type Encoded = [handle: bigint, encoded: Uint8Array, length: number];
  const init = c<(kind: number) => bigint>('void *tj3Init(int kind)');
  const destroy = c<(handle: bigint) => void>('void tj3Destroy(void *handle)');
  const set = c<(handle: bigint, key: number, value: number) => number>('int tj3Set(void *handle, int key, int value)');
  const get = c<(handle: bigint, key: number) => number>('int tj3Get(void *handle, int key)');
  const readHeader = c<(...encoded: Encoded) => number>(
    'int tj3DecompressHeader(void *handle, const void *encoded, size_t length)',
  );
  const decode = c<(...args: [...Encoded, out: Uint8Array, pitch: number, format: number]) => number>(
    'int tj3Decompress8(void *handle, const void *encoded, size_t length, void *out, int pitch, int format)',
  );
  const region = koffi.struct({ x: 'int', y: 'int', w: 'int', h: 'int' });
  const crop = library.func('tj3SetCroppingRegion', 'int', ['void *', region]) as unknown as (
    handle: bigint,
    region: { x: number; y: number; w: number; h: number },
  ) => number;

  const fresh = () => {
    const handle = init(decompress);
    set(handle, parameter.stopOnWarning, 1);
    return handle;
  };
  let handle = fresh();

  const decodePart: TurboJpeg = (encoded, box, width) => {
    if (readHeader(handle, encoded, encoded.length) !== 0) return undefined;
    const block = blockWidths[get(handle, parameter.subsampling)];
    if (block === undefined) return undefined;
    // One block more at each side: colours at half resolution are interpolated from their neighbours.
    const left = Math.max(0, (Math.floor(box.left / block) - 1) * block);
    const right = Math.min(width, (Math.ceil((box.left + box.width) / block) + 1) * block);
    const w = right - left;
    if (crop(handle, { x: left, y: box.top, w, h: box.height }) !== 0) return undefined;
    const data = Buffer.allocUnsafeSlow(w * box.height * 3);
    if (decode(handle, encoded, encoded.length, data, 0, rgb) !== 0) return undefined;
    return { pixels: { data, width: w, height: box.height }, box: { ...box, left: box.left - left, top: 0 } };
  };
  return (encoded, box, width) => {
    const part = decodePart(encoded, box, width);
    if (part === undefined) {
      destroy(handle); // after a fault in a header it would read no other
      handle = fresh();
    }
    return part;
  };
}

/** Where the package has the library: for Linux only, elsewhere it is a part of an add-on for Node. */
function libraryPath(): string {
  if (process.platform !== 'linux') throw new Error('npm has it for Linux only');
  const { resolve } = createRequire(import.meta.url);
  const folder = dirname(resolve('@julusian/jpeg-turbo/package.json'));
  return join(folder, 'prebuilds', `jpeg-turbo-linux-${process.arch}`, 'libturbojpeg.so.0');
}

function openHere(): { readonly decode?: TurboJpeg; readonly missing?: string } {
  try {
    return { decode: open(libraryPath()) };
  } catch (error) {
    return { missing: (error as Error).message.split('\n')[0] as string };
  }
}

/** The decoder; undefined where this machine has none, and then why. */
export const { decode: turboJpeg, missing: turboJpegMissing } = openHere();
