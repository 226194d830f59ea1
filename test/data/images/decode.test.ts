import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { decodeWhole, writeTransformed } from '../../../src/data/images/decode.ts';
import { readHeader } from '../../../src/data/images/imageHeader.ts';
import { resample } from '../../../src/data/images/resample.ts';
import { evalGeometry } from '../../../src/data/images/resizedCrop.ts';
import { turboJpeg } from '../../../src/data/images/turboJpeg.ts';

/** Written by test/fixtures/pillow.py. */
const pillow = JSON.parse(readFileSync('test/fixtures/pillow.json', 'utf8')) as {
  files: Record<string, { bytes: string; size: [number, number]; eval: string }>;
  shapes: { box: Corners; target: [number, number]; sha256: string }[];
  parts: { kind: string; bytes: string; boxes: { box: Corners; sha256: string }[] }[];
};
/** Left, top, width, height. */
type Corners = [number, number, number, number];

/** The image that pillow.py computes. */
const pixels = Uint8Array.from({ length: 90 * 120 * 3 }, (_, i) => {
  const [c, x, y] = [i % 3, Math.floor(i / 3) % 120, Math.floor(i / 360)];
  return Math.round(128 + 70 * Math.sin(x / 7 + c) + 50 * Math.cos(y / 5 - x / 11 + 2 * c));
});

function difference(a: Uint8Array, b: Uint8Array): { mean: number; worst: number } {
  let [sum, worst] = [0, 0];
  a.forEach((value, i) => {
    const apart = Math.abs(value - (b[i] as number));
    sum += apart;
    worst = Math.max(worst, apart);
  });
  return { mean: sum / a.length, worst };
}

describe('resizing is Pillow’s, byte for byte', () => {
  test.each(pillow.shapes)('$box to $target', ({ box: [left, top, width, height], target: [w, h], sha256 }) => {
    const out = new Uint8Array(w * h * 3);
    const box = { left, top, width, height };
    resample({ data: pixels, width: 120, height: 90 }, box, { width: w, height: h }, out, 0);
    expect(createHash('sha256').update(out).digest('hex')).toBe(sha256);

    const mirrored = new Uint8Array(w * h * 3);
    resample({ data: pixels, width: 120, height: 90 }, box, { width: w, height: h }, mirrored, 0, { isMirrored: true });
    const back = mirrored.map(
      (_, i) => mirrored[i - (i % (3 * w)) + 3 * (w - 1 - (Math.floor(i / 3) % w)) + (i % 3)] as number,
    );
    expect(back).toEqual(out);
  });
});

describe('the evaluation transform of a file', () => {
  const geometry = (width: number, height: number) => evalGeometry(32, 28, width, height);

  test.each(Object.entries(pillow.files))(
    '%s is Pillow’s, byte for byte',
    async (name, { bytes, size, eval: expected }) => {
      const encoded = Buffer.from(bytes, 'base64');
      const sized = await decodeWhole({ encoded }, 'strict');
      expect([sized.width, sized.height]).toEqual(size);
      expect(readHeader(encoded)).toEqual({ width: size[0], height: size[1], isCmyk: name.startsWith('cmyk') });

      const out = new Uint8Array(28 * 28 * 3);
      await writeTransformed({ encoded }, geometry, 'strict', out, 0);
      expect(difference(out, Buffer.from(expected, 'base64'))).toEqual({ mean: 0, worst: 0 });
    },
  );

  test('pixels stored as such give the same bytes as the file they came from', async () => {
    const encoded = Buffer.from(pillow.files['colour.JPEG']!.bytes, 'base64');
    const whole = await decodeWhole({ encoded }, 'strict');
    const [fromFile, fromPixels] = [new Uint8Array(28 * 28 * 3), new Uint8Array(28 * 28 * 3)];
    await writeTransformed({ encoded }, geometry, 'strict', fromFile, 0);
    await writeTransformed(whole, geometry, 'strict', fromPixels, 0);
    expect(fromPixels).toEqual(fromFile);
  });
});

describe('parts of a JPEG, by libjpeg-turbo, are Pillow’s byte for byte', () => {
  test.skipIf(turboJpeg === undefined).each(pillow.parts)('$kind', ({ bytes, boxes }) => {
    for (const { box, sha256 } of boxes) {
      const [left, top, width, height] = box;
      const part = turboJpeg?.(Buffer.from(bytes, 'base64'), { left, top, width, height }, 120);
      if (part === undefined) throw new Error('was not decoded');
      const hash = createHash('sha256');
      for (let y = part.box.top; y < part.box.top + height; y++) {
        const start = (y * part.pixels.width + part.box.left) * 3;
        hash.update(part.pixels.data.subarray(start, start + width * 3));
      }
      expect(hash.digest('hex'), String(box)).toBe(sha256);
    }
  });

  test.runIf(process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch))('it is there on Linux', () => {
    expect(turboJpeg).toBeDefined();
  });

  test.each(pillow.parts)('$kind: so are those of libvips', async ({ bytes, boxes }) => {
    vi.resetModules();
    vi.doMock('../../../src/data/images/turboJpeg.ts', () => ({ turboJpeg: undefined }));
    const { decodeWhole } = await import('../../../src/data/images/decode.ts');
    vi.doUnmock('../../../src/data/images/turboJpeg.ts');
    const { data } = await decodeWhole({ encoded: Buffer.from(bytes, 'base64') }, 'strict');
    expect(createHash('sha256').update(data).digest('hex')).toBe(boxes[0]?.sha256);
  });

  test('what has a fault, or is no such JPEG, is left to libvips', () => {
    const box = { left: 0, top: 0, width: 120, height: 90 };
    const whole = Buffer.from(pillow.files['colour.JPEG']!.bytes, 'base64');
    const sound = turboJpeg?.(whole, box, 120)?.pixels.data;
    const damaged = Buffer.from(whole).fill(0xff, 2000, 2008);
    const others = ['PNG inside.JPEG', 'cmyk.JPEG'].map((name) => Buffer.from(pillow.files[name]!.bytes, 'base64'));
    for (const bytes of [whole.subarray(0, 1600), damaged, whole.subarray(0, 100), Buffer.alloc(0), ...others]) {
      expect(turboJpeg?.(bytes, box, 120)).toBeUndefined();
      expect(turboJpeg?.(whole, box, 120)?.pixels.data).toEqual(sound);
    }
    expect(turboJpeg?.(whole, { ...box, width: 200 }, 200)).toBeUndefined();
  });
});

describe('broken files', () => {
  const whole = Buffer.from(pillow.files['colour.JPEG']!.bytes, 'base64');
  const geometry = (width: number, height: number) => evalGeometry(32, 28, width, height);
  const decode = (encoded: Uint8Array, care: 'strict' | 'lenient') =>
    writeTransformed({ encoded }, geometry, care, new Uint8Array(28 * 28 * 3), 0);

  test('cut off: refused when strict, grey where it ends when lenient', async () => {
    const half = whole.subarray(0, whole.length / 2);
    await expect(decode(half, 'strict')).rejects.toThrow(/premature end/);
    await decode(half, 'lenient');
  });

  test.each([
    ['empty', Buffer.alloc(0), 'is empty'],
    ['text', Buffer.from('not an image at all'), 'is no image'],
    ['a header alone', whole.subarray(0, 200), /./],
    ['a size beyond reason', hugePng(), 'is 60000×60000 pixels large'],
  ])('%s', async (_, bytes, message) => {
    await expect(decode(bytes, 'lenient')).rejects.toThrow(message);
  });

  test('headers of any bytes are read without a fault', () => {
    for (let length = 0; length < whole.length; length += 7) readHeader(whole.subarray(0, length));
    expect(readHeader(whole.subarray(0, 100))).toBeUndefined();
  });
});

/** A PNG's first bytes that claim 60,000 × 60,000 pixels. */
function hugePng(): Buffer {
  const bytes = Buffer.from(pillow.files['PNG inside.JPEG']!.bytes, 'base64');
  bytes.writeUInt32BE(60_000, 16);
  bytes.writeUInt32BE(60_000, 20);
  return bytes;
}
