import { stream } from '../random.ts';

/** Random crop after padding by `crop` pixels on every side, and random horizontal flip. */
export interface Augment {
  readonly crop: number;
  readonly flip: boolean;
}

/** What is done to one sample in one epoch: the crop's corner within the padded image, each in 0 … 2·crop, and the mirroring. */
export interface Placement {
  readonly top: number;
  readonly left: number;
  readonly isFlipped: boolean;
}

/** The placement of a sample, a function of (seed, epoch, sample); switching the crop off leaves the flips as they are. */
export function placement(augment: Augment, seed: number, epoch: number, sample: number): Placement {
  const draws = stream(seed, 'augment', epoch, sample);
  const top = draws.below(2 * augment.crop + 1);
  const left = draws.below(2 * augment.crop + 1);
  const isHeads = draws.below(2) === 1;
  return { top, left, isFlipped: augment.flip && isHeads };
}

/**
 * Writes one image, [H, W, C] bytes, cropped, mirrored and normalised, to `out` at `to`. `tables[c]` holds the normalised
 * value of each byte in channel c. Padding is black before normalisation.
 */
export function writeImage(
  out: Float32Array,
  to: number,
  pixels: Uint8Array,
  from: number,
  [height, width, channels]: readonly [number, number, number],
  { top, left, isFlipped }: Placement,
  crop: number,
  tables: readonly Float32Array[],
): void {
  const rowValues = width * channels;
  const [firstX, endX] = [Math.min(width, Math.max(0, crop - left)), Math.min(width, width + crop - left)];
  for (let y = 0; y < height; y++) {
    const sourceY = y + top - crop;
    const isInside = sourceY >= 0 && sourceY < height;
    const row = to + y * rowValues;
    for (let channel = 0; channel < channels; channel++) {
      const table = tables[channel] as Float32Array;
      const padding = table[0] as number;
      const step = isFlipped ? -channels : channels;
      let target = row + channel + (isFlipped ? rowValues - channels : 0);
      let source = from + (sourceY * width + firstX + left - crop) * channels + channel;
      let x = 0;
      for (const end = isInside ? firstX : width; x < end; x++, target += step) out[target] = padding;
      for (; x < endX; x++, target += step, source += channels) out[target] = table[pixels[source] as number] as number;
      for (; x < width; x++, target += step) out[target] = padding;
    }
  }
}

/** Normalised value of each byte, a table a channel: (pixel / scale − mean) / std. */
export function normalisation(mean: readonly number[], std: readonly number[], scale: number): Float32Array[] {
  return mean.map((centre, channel) =>
    Float32Array.from({ length: 256 }, (_, pixel) => (pixel / scale - centre) / (std[channel] as number)),
  );
}
