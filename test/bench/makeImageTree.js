/**
 * Writes a tree of procedural photographs in ImageNet's layout: train/<class>/<class>_<n>.JPEG and val/<class>/….
 *
 *     node test/bench/makeImageTree.js FOLDER [classes] [train per class] [val per class] [width] [height]
 *
 * An image is clouds of noise over seven octaves, ellipses with sharp edges, the grating and the two colours of its class, and
 * grain: 500×375 pixels (the default) at JPEG quality 92 come to about 110 KB, as ImageNet's do. Files that exist are kept.
 */
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';

/** Uniform in [0, 1), a function of the seed (mulberry32). @param {number} seed */
export function uniforms(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * The pixels of one image, [height, width, 3] bytes.
 * @param {number} seed @param {number} label @param {number} width @param {number} height
 */
export function paint(seed, label, width, height) {
  const draw = uniforms(seed * 1009 + label);
  const values = new Float32Array(width * height * 3);
  for (let octave = 0, cell = 128; octave < 6; octave++, cell /= 2)
    addClouds(values, width, height, cell, 70 * 0.62 ** octave, draw);
  for (let i = 0; i < 6; i++) addEllipse(values, width, height, draw);
  const class_ = uniforms(label + 1);
  const [angle, period] = [Math.PI * class_(), 12 + 28 * class_()];
  const colour = [0, 1, 2].map(() => 60 * (class_() - 0.5));
  const [kx, ky, phase] = [
    (2 * Math.PI * Math.cos(angle)) / period,
    (2 * Math.PI * Math.sin(angle)) / period,
    6.28 * draw(),
  ];
  const pixels = new Uint8Array(values.length);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const wave = Math.sin(kx * x + ky * y + phase);
      const grain = 34 * (draw() + draw() - 1);
      for (let c = 0; c < 3; c++, at++) {
        pixels[at] = Math.max(0, Math.min(255, 120 + (values[at] ?? 0) + (colour[c] ?? 0) * (1 + wave) + grain));
      }
    }
  }
  return pixels;
}

/**
 * Adds bilinear noise with one node every `cell` pixels.
 * @param {Float32Array} values @param {number} width @param {number} height @param {number} cell @param {number} amplitude
 * @param {() => number} draw
 */
function addClouds(values, width, height, cell, amplitude, draw) {
  const columns = Math.ceil(width / cell) + 2;
  const nodes = Float32Array.from(
    { length: columns * (Math.ceil(height / cell) + 2) * 3 },
    () => amplitude * (2 * draw() - 1),
  );
  for (let y = 0, at = 0; y < height; y++) {
    const row = Math.floor(y / cell);
    const fy = y / cell - row;
    for (let x = 0; x < width; x++) {
      const column = Math.floor(x / cell);
      const fx = x / cell - column;
      const node = (row * columns + column) * 3;
      for (let c = 0; c < 3; c++, at++) {
        const [a = 0, b = 0] = [nodes[node + c], nodes[node + 3 + c]];
        const [d = 0, e = 0] = [nodes[node + columns * 3 + c], nodes[node + columns * 3 + 3 + c]];
        values[at] = (values[at] ?? 0) + (a + (b - a) * fx) * (1 - fy) + (d + (e - d) * fx) * fy;
      }
    }
  }
}

/** @param {Float32Array} values @param {number} width @param {number} height @param {() => number} draw */
function addEllipse(values, width, height, draw) {
  const [cx, cy] = [width * draw(), height * draw()];
  const [rx, ry] = [20 + (width / 5) * draw(), 20 + (height / 5) * draw()];
  const shade = [0, 1, 2].map(() => 120 * (draw() - 0.5));
  for (let y = Math.max(0, Math.floor(cy - ry)); y < Math.min(height, cy + ry); y++) {
    for (let x = Math.max(0, Math.floor(cx - rx)); x < Math.min(width, cx + rx); x++) {
      if (((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 > 1) continue;
      for (let c = 0; c < 3; c++) {
        const at = (y * width + x) * 3 + c;
        values[at] = (values[at] ?? 0) + (shade[c] ?? 0);
      }
    }
  }
}

/**
 * The name of class i as ImageNet spells its own: n and eight digits.
 * @param {number} i
 */
export const className = (i) => `n${String(10_000_000 + 137 * i)}`;

/**
 * Writes the tree.
 * @param {string} folder
 * @param {{ classes: number, train: number, val: number, width?: number, height?: number, quality?: number }} sizes
 */
export async function makeImageTree(folder, { classes, train, val, width = 500, height = 375, quality = 92 }) {
  for (const [split, count, offset] of /** @type {[string, number, number][]} */ ([
    ['train', train, 0],
    ['val', val, 1_000_000],
  ])) {
    for (let label = 0; label < classes; label++) {
      const into = join(folder, split, className(label));
      await mkdir(into, { recursive: true });
      for (let n = 0; n < count; n++) {
        const path = join(into, `${className(label)}_${n}.JPEG`);
        const exists = await stat(path).then(
          ({ size }) => size > 0,
          () => false,
        );
        if (exists) continue;
        const pixels = paint(offset + n, label, width, height);
        await writeFile(
          path,
          await sharp(pixels, { raw: { width, height, channels: 3 } })
            .jpeg({ quality })
            .toBuffer(),
        );
      }
    }
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [folder, classes = 10, train = 20, val = 5, width = 500, height = 375] = process.argv.slice(2);
  if (folder === undefined) throw new Error('say which folder to write');
  await makeImageTree(folder, {
    classes: Number(classes),
    train: Number(train),
    val: Number(val),
    width: Number(width),
    height: Number(height),
  });
}
