/**
 * libjpeg-turbo, called directly: a part of a JPEG in half the time that libvips takes, the same pixels. libvips hands each image to
 * its threads; this decodes where it is called. The library comes with an optional package; without it libvips decodes everything.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import koffi, { type KoffiFunc } from 'koffi';
import type { Box, Pixels } from './resample.ts';

/** From turbojpeg.h. */
const [decompress, rgb] = [1, 0];
const parameter = { stopOnWarning: 0, subsampling: 4 };

/** Width of the blocks that are coded together, by subsampling: 4:4:4, 4:2:2, 4:2:0, grey, 4:4:0, 4:1:1, 4:4:1. */
const blockWidths = [8, 16, 16, 8, 8, 32, 8];

/** Where the package has the library: for Linux only, elsewhere it is a part of an add-on for Node. */
function libraryPath(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const { resolve } = createRequire(import.meta.url);
  try {
    const folder = dirname(resolve('@julusian/jpeg-turbo/package.json'));
    const path = join(folder, 'prebuilds', `jpeg-turbo-linux-${process.arch}`, 'libturbojpeg.so.0');
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined; // not installed
  }
}

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
  const region = koffi.struct({ x: 'int', y: 'int', w: 'int', h: 'int' });
  const init = library.func('tj3Init', 'void *', ['int']) as KoffiFunc<(kind: number) => bigint>;
  const destroy = library.func('tj3Destroy', 'void', ['void *']) as KoffiFunc<(handle: bigint) => void>;
  const set = library.func('tj3Set', 'int', ['void *', 'int', 'int']) as KoffiFunc<
    (handle: bigint, parameter: number, value: number) => number
  >;
  const get = library.func('tj3Get', 'int', ['void *', 'int']) as KoffiFunc<
    (handle: bigint, parameter: number) => number
  >;
  const readHeader = library.func('tj3DecompressHeader', 'int', ['void *', 'void *', 'size_t']) as KoffiFunc<
    (handle: bigint, encoded: Uint8Array, length: number) => number
  >;
  const crop = library.func('tj3SetCroppingRegion', 'int', ['void *', region]) as KoffiFunc<
    (handle: bigint, region: { x: number; y: number; w: number; h: number }) => number
  >;
  const decode = library.func('tj3Decompress8', 'int', [
    'void *',
    'void *',
    'size_t',
    'void *',
    'int',
    'int',
  ]) as KoffiFunc<
    (handle: bigint, encoded: Uint8Array, length: number, out: Uint8Array, pitch: number, format: number) => number
  >;

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
    const { width: wide, height } = box;
    return { pixels: { data, width: w, height }, box: { left: box.left - left, top: 0, width: wide, height } };
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

const path = libraryPath();

/** Undefined where the package has none for this machine. */
export const turboJpeg = path === undefined ? undefined : open(path);
