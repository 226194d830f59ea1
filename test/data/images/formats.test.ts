import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decodeWhole, writeTransformed } from '../../../src/data/images/decode.ts';
import { evalGeometry } from '../../../src/data/images/resizedCrop.ts';

interface Read {
  readonly size: [number, number];
  readonly sha256: string;
}

/** Written by test/fixtures/imageFormats.py. */
const { decoded, refused } = JSON.parse(readFileSync('test/fixtures/imageFormats.json', 'utf8')) as {
  decoded: Record<string, Read & { bytes: string }>;
  refused: Record<string, { bytes: string; pillow: Read | null }>;
};
const bytesOf = ({ bytes }: { bytes: string }) => Buffer.from(bytes, 'base64');
const hashOf = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

describe('pixels are those of Pillow’s convert("RGB"), byte for byte', () => {
  test.each(Object.entries(decoded))('%s', async (_, file) => {
    const { data, width, height } = await decodeWhole({ encoded: bytesOf(file) }, 'strict');
    expect([width, height]).toEqual(file.size);
    expect(hashOf(data)).toBe(file.sha256);
  });

  test.each(['orientation 6, tiff_lzw.tif', 'P6 of 255.ppm', '4 bits.bmp'])(
    'a part of %s is that part of the whole',
    async (name) => {
      const encoded = bytesOf(decoded[name]!);
      const whole = await decodeWhole({ encoded }, 'strict');
      const [fromFile, fromPixels] = [new Uint8Array(8 * 8 * 3), new Uint8Array(8 * 8 * 3)];
      const geometry = (width: number, height: number) => {
        expect([width, height]).toEqual([whole.width, whole.height]);
        return { ...evalGeometry(8, 8, 6, 5), box: { left: 1, top: 3, width: 6, height: 5 } };
      };
      await writeTransformed({ encoded }, geometry, 'strict', fromFile, 0);
      await writeTransformed(whole, geometry, 'strict', fromPixels, 0);
      expect(fromFile).toEqual(fromPixels);
    },
  );
});

describe('what Pillow would read to other pixels, or not at all, is refused with the reason', () => {
  test.each([
    ['ZSTD.tif', 'is a TIFF compressed with ZSTD'],
    ['LZMA.tif', 'is a TIFF compressed with LZMA'],
    ['grey of 16 bits.tif', 'has grey values of 16 bits'],
    ['grey of 16 bits.png', 'has grey values of 16 bits'],
    ['grey of 16 bits.pgm', 'has grey values of 16 bits'],
    ['grey of 16 bits as text.pgm', 'has grey values of 16 bits'],
    ['floats.tif', '(1 × 32 bits, photometric 1, sample format 3)'],
    ['signed.tif', '(1 × 8 bits, photometric 1, sample format 2)'],
    ['premultiplied.tif', 'a kind that loaders read differently'],
    ['YCbCr.tif', 'photometric 6'],
    ['palette of bytes.tif', 'a palette of 8 bits instead of 16'],
    ['a strip without bytes.tif', 'Invalid strip byte count 0'],
    ['a strip that is short.tif', 'Not enough data for scanline 4'],
    ['half of the rows.tif', 'Not enough data at scanline'],
    ['orientation 9.tif', 'has orientation 9, expected 1 to 8'],
    ['run-length encoded.bmp', 'is a BMP compressed with scheme 1'],
    ['16 bits.bmp', 'is a BMP of 16 bits a pixel'],
    ['colours outside its palette.bmp', 'has a pixel of colour 10 in a palette of 10'],
    ['P4.pgm', 'black and white (PBM)'],
    ['P5 with values above its maximum.pgm', 'its maximum is 31'],
    ['P3 with a word.ppm', 'has byte 120 where a digit is expected'],
    ['a GIF.png', 'is a GIF'],
    ['an AVIF.png', 'is an AVIF or HEIF image'],
    ['a JPEG 2000.png', 'is a JPEG 2000 image'],
    ['an SVG.png', 'is no image; what is read is JPEG, PNG, WebP, TIFF, BMP, PGM and PPM'],
    ['half a JPEG with an end.jpg', 'premature end of data segment'],
  ])('%s', async (name, reason) => {
    await expect(decodeWhole({ encoded: bytesOf(refused[name]!) }, 'strict')).rejects.toThrow(reason);
  });

  test('none of the fixture’s files is left out above, and Pillow reads most of them', () => {
    expect(Object.keys(refused)).toHaveLength(26);
    expect(Object.values(refused).filter(({ pillow }) => pillow !== null).length).toBeGreaterThan(20);
  });
});

describe('a file that is cut off anywhere is refused, or all its pixels are there', () => {
  const cuts = (length: number) => [0.2, 0.4, 0.6, 0.8, 0.9, 0.97].map((share) => Math.floor(share * length));

  test.each(Object.entries(decoded))('%s', async (_, file) => {
    const whole = bytesOf(file);
    for (const end of [...cuts(whole.length), whole.length - 5, whole.length - 1]) {
      const encoded = whole.subarray(0, end);
      const read = await decodeWhole({ encoded }, 'strict').catch((error: unknown) => error);
      if (read instanceof Error) expect(read.message).not.toBe('');
      else expect(hashOf((read as { data: Uint8Array }).data), `cut at ${end} of ${whole.length}`).toBe(file.sha256);
    }
  });
});

describe('a broken file, decoded as far as it goes', () => {
  const half = (name: string) => {
    const whole = bytesOf(decoded[name]!);
    return { whole, encoded: whole.subarray(0, Math.floor(0.7 * whole.length)) };
  };

  test.each(['P6 of 255.ppm', 'P3 of 255.ppm', '24 bits, header of 40.bmp'])('%s: the rest is grey', async (name) => {
    const { whole, encoded } = half(name);
    const [all, some] = [await decodeWhole({ encoded: whole }, 'strict'), await decodeWhole({ encoded }, 'lenient')];
    const same = some.data.filter((value, i) => value === all.data[i]).length;
    const grey = some.data.filter((value) => value === 128).length;
    expect(same).toBeGreaterThan(0.5 * all.data.length);
    expect(grey).toBeGreaterThan(0.2 * all.data.length);
    expect(same + grey).toBeGreaterThanOrEqual(all.data.length);
  });

  test('a TIFF of which libvips decodes nothing is refused: black is no image to train on', async () => {
    const encoded = bytesOf(decoded['by Pillow, RGB.tif']!).subarray(0, -30);
    await expect(decodeWhole({ encoded }, 'strict')).rejects.toThrow('Read error');
    await expect(decodeWhole({ encoded }, 'lenient')).rejects.toThrow('has no pixel that can be decoded');
  });
});

test.each([
  ['a PPM', `P6\n100000 100000\n255\n${'x'.repeat(100)}`, 'is 100000×100000 pixels large'],
  ['a PPM of no width', 'P6\n0 10\n255\n', 'has no pixels'],
  ['a PPM with a long number', 'P6\n99999999999 1\n255\n', 'a number of more than ten digits'],
  ['a PPM of a maximum that is none', 'P6\n1 1\n0\nxxx', 'has maximum 0, expected 1 to 65535'],
  ['a PPM that says more than it has', `P6\n9000 9000\n255\n${'x'.repeat(100)}`, 'ends after 100 of 243000000 bytes'],
  ['a PPM that is only a header', 'P6\n9 9', 'ends within its header'],
  ['P6 without white space', 'P67 9 255 ', 'has byte 55 after P6'],
])('%s of a hostile size is refused before memory is taken', async (_, text, reason) => {
  await expect(decodeWhole({ encoded: Buffer.from(text, 'latin1') }, 'strict')).rejects.toThrow(reason);
});
