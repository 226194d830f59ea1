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
 * Writes one image, [H, W, C] bytes, cropped and mirrored, to `out` at `to`. Padding is black: zero before normalisation, as
 * with torchvision's RandomCrop on images.
 */
export function writeImage(
  out: Uint8Array,
  to: number,
  pixels: Uint8Array,
  from: number,
  [height, width, channels]: readonly [number, number, number],
  { top, left, isFlipped }: Placement,
  crop: number,
): void {
  const rowValues = width * channels;
  const [firstX, endX] = [Math.min(width, Math.max(0, crop - left)), Math.min(width, width + crop - left)];
  for (let y = 0; y < height; y++) {
    const sourceY = y + top - crop;
    const row = to + y * rowValues;
    if (sourceY < 0 || sourceY >= height) {
      out.fill(0, row, row + rowValues);
      continue;
    }
    for (let channel = 0; channel < channels; channel++) {
      const step = isFlipped ? -channels : channels;
      let target = row + channel + (isFlipped ? rowValues - channels : 0);
      let source = from + (sourceY * width + firstX + left - crop) * channels + channel;
      let x = 0;
      for (; x < firstX; x++, target += step) out[target] = 0;
      for (; x < endX; x++, target += step, source += channels) out[target] = pixels[source] as number;
      for (; x < width; x++, target += step) out[target] = 0;
    }
  }
}
