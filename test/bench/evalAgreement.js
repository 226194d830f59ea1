/**
 * Compares the evaluation transform with Pillow's on an image folder, pixel by pixel, and with libvips' own resize.
 *
 *     npm run build && node test/bench/evalAgreement.js FOLDER [python]
 *
 * FOLDER holds class folders of images. Prints the mean absolute difference and the worst, in levels of 255.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';

/** @param {string} path @returns {Promise<unknown>} */
const built = (path) => import(new URL(`../../dist/${path}.js`, import.meta.url).href);
const { writeTransformed } = /** @type {typeof import('../../src/data/images/decode.ts')} */ (
  await built('data/images/decode')
);
const { evalGeometry } = /** @type {typeof import('../../src/data/images/resizedCrop.ts')} */ (
  await built('data/images/resizedCrop')
);

const [folder, python = 'python3'] = process.argv.slice(2);
if (folder === undefined) throw new Error('say which folder to read');
const side = 224;
const size = side * side * 3;
const scratch = mkdtempSync(join(tmpdir(), 'ranger21-agreement-'));
const script = new URL('../../bench/torch_data.py', import.meta.url).pathname;
execFileSync(python, [script, '--eval', folder, join(scratch, 'eval')], { stdio: 'inherit' });
const reference = readFileSync(join(scratch, 'eval'));
rmSync(scratch, { recursive: true });
const files = readdirSync(folder).sort().flatMap((name) => readdirSync(join(folder, name)).sort().map((file) => join(folder, name, file))); // prettier-ignore

/** @type {Record<string, (encoded: Buffer) => Promise<Uint8Array>>} */
const subjects = {
  'this loader': async (encoded) => {
    const out = new Uint8Array(size);
    await writeTransformed({ encoded }, (width, height) => evalGeometry(256, side, width, height), 'strict', out, 0);
    return out;
  },
};
for (const kernel of /** @type {const} */ (['linear', 'cubic', 'lanczos3'])) {
  for (const fastShrinkOnLoad of [false, true]) {
    subjects[`libvips ${kernel}, shrink on load ${fastShrinkOnLoad ? 'on' : 'off'}`] = async (encoded) => {
      const { width, height } = await sharp(encoded).metadata();
      const { target, window } = evalGeometry(256, side, width, height);
      const image = sharp(encoded).resize({ ...target, fit: 'fill', kernel, fastShrinkOnLoad });
      return (window ? image.extract(window) : image).raw().toBuffer();
    };
  }
}
for (const [name, transform] of Object.entries(subjects)) {
  let [sum, worst] = [0, 0];
  for (const [i, file] of files.entries()) {
    const pixels = await transform(readFileSync(file));
    for (let k = 0; k < size; k++) {
      const apart = Math.abs((pixels[k] ?? 0) - (reference[i * size + k] ?? 0));
      sum += apart;
      worst = Math.max(worst, apart);
    }
  }
  console.log(
    `${name.padEnd(36)} mean ${(sum / files.length / size).toFixed(4)}, worst ${worst} on ${files.length} images`,
  );
}
