import { stream } from '../random.ts';
import { readCifar } from './cifar.ts';
import type { MemoryDataset, Normalisation, Split } from './dataset.ts';

const side = 32;
const classes = 10;
const recordBytes = 1 + 3 * side * side;

/** Directions in colour space along which a grating swings; a class is an orientation and one of the two. */
const colours = [
  [1, 0.2, -0.8],
  [-0.6, 1, 0.3],
] as const;

export const syntheticNormalisation: Normalisation = {
  mean: [0.5, 0.5, 0.5],
  std: [0.194, 0.194, 0.194],
  scale: 255,
};

export interface SyntheticOptions {
  readonly seed: number;
  /** Amplitude of the uniform noise, in pixel values. */
  readonly noise: number;
  readonly train: number;
  readonly test: number;
}

/**
 * Procedural 10-class colour images, 32×32: class = one of five grating orientations × one of two colour directions.
 * Phase, period, contrast, brightness and the centre and width of the patch that shows the grating vary from image to image, a
 * second, fainter grating of any orientation lies over it, and noise over both. Written in the CIFAR-10 binary format and
 * read by its reader.
 *
 * Measured with r8-basic, batch 64, Ranger21 at lr 5e-3, the default 5,000 images: 46, 80, 89, 93, 93 % after epochs 2 to 6.
 *
 * Sample i of a part has class i mod 10 and is a function of (seed, part, i) only.
 */
export function readSynthetic({ seed, noise, train, test }: SyntheticOptions): Omit<MemoryDataset, 'fingerprint'> {
  const part = (index: number, count: number, name: string): Split =>
    readCifar(syntheticFile(seed, index, count, noise), { count, labelBytes: 1, classes, name });
  return {
    name: 'synthetic',
    shape: [side, side, 3],
    classes,
    classNames: [0, 1, 2, 3, 4].flatMap((k) => [`${36 * k}° orange-blue`, `${36 * k}° green-red`]),
    ...syntheticNormalisation,
    train: part(0, train, 'synthetic train'),
    test: part(1, test, 'synthetic test'),
  };
}

/** The bytes of a CIFAR-10 binary file of `count` synthetic images. */
export function syntheticFile(seed: number, part: number, count: number, noise: number): Uint8Array {
  const bytes = new Uint8Array(count * recordBytes);
  for (let i = 0; i < count; i++) {
    bytes[i * recordBytes] = i % classes;
    paint(
      bytes.subarray(i * recordBytes + 1, (i + 1) * recordBytes),
      i % classes,
      stream(seed, 'synthetic', part, i),
      noise,
    );
  }
  return bytes;
}

function paint(planes: Uint8Array, label: number, draws: ReturnType<typeof stream>, noise: number): void {
  const between = (low: number, high: number) => low + (high - low) * draws.uniform();
  const colour = colours[label % 2] as readonly [number, number, number];
  const signal = grating(((label >> 1) * Math.PI) / 5 + between(-0.25, 0.25), between(4, 9), between(0, 2 * Math.PI));
  const distractor = grating(between(0, Math.PI), between(4, 9), between(0, 2 * Math.PI));
  const [contrast, faint] = [between(15, 50), between(10, 35)];
  const base = [between(90, 165), between(90, 165), between(90, 165)];
  const [centreX, centreY, width] = [between(8, 24), between(8, 24), between(6, 12)];

  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const patch = Math.exp(-((x - centreX) ** 2 + (y - centreY) ** 2) / (2 * width * width));
      const swing = contrast * patch * signal(x, y);
      const shade = faint * distractor(x, y);
      const bits = draws.bits(); // a byte of noise a channel
      for (let channel = 0; channel < 3; channel++) {
        const grain = noise * (((bits >>> (8 * channel)) & 255) / 127.5 - 1);
        const value = (base[channel] as number) + (colour[channel] as number) * swing + shade + grain;
        planes[channel * side * side + y * side + x] = Math.max(0, Math.min(255, Math.round(value)));
      }
    }
  }
}

/** sin of a plane wave with the given orientation (radians), period (pixels) and phase. */
function grating(angle: number, period: number, phase: number): (x: number, y: number) => number {
  const [kx, ky] = [(2 * Math.PI * Math.cos(angle)) / period, (2 * Math.PI * Math.sin(angle)) / period];
  return (x, y) => Math.sin(kx * x + ky * y + phase);
}
