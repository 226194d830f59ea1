import type { Stream } from '../../random.ts';
import type { Box } from './resample.ts';

/** What is cut out of an image and to what it is resized; `window` is the part of the result that is kept. */
export interface Geometry {
  readonly box: Box;
  readonly target: { readonly width: number; readonly height: number };
  readonly window?: Box;
  readonly isMirrored: boolean;
}

const areas = [0.08, 1] as const;
const aspects = [3 / 4, 4 / 3] as const;
const attempts = 10;

/**
 * The box of RandomResizedCrop: A = U(0.08, 1)·H·W, ρ = exp(U(ln ¾, ln 4⁄3)), w = round(√(A·ρ)), h = round(√(A/ρ)), the first of ten
 * that lies within the image, at a place drawn uniformly; else the centre, its aspect clamped to [¾, 4⁄3].
 *
 * Reference: Szegedy et al., Going Deeper with Convolutions, 2015; torchvision.transforms.RandomResizedCrop.
 */
export function randomBox(draws: Stream, width: number, height: number): Box {
  const between = ([low, high]: readonly [number, number]) => low + (high - low) * draws.uniform();
  for (let attempt = 0; attempt < attempts; attempt++) {
    const area = between(areas) * width * height;
    const aspect = Math.exp(between([Math.log(aspects[0]), Math.log(aspects[1])]));
    const w = Math.round(Math.sqrt(area * aspect));
    const h = Math.round(Math.sqrt(area / aspect));
    if (w < 1 || h < 1 || w > width || h > height) continue;
    return { top: draws.below(height - h + 1), left: draws.below(width - w + 1), width: w, height: h };
  }
  const aspect = Math.max(aspects[0], Math.min(aspects[1], width / height));
  const w = Math.min(width, Math.max(1, Math.round(height * aspect)));
  const h = Math.min(height, Math.max(1, Math.round(width / aspect)));
  return { left: Math.floor((width - w) / 2), top: Math.floor((height - h) / 2), width: w, height: h };
}

/** The training transform of an image: RandomResizedCrop to `side`, mirrored or not. */
export function trainGeometry(draws: Stream, flip: boolean, side: number, width: number, height: number): Geometry {
  const isHeads = draws.below(2) === 1;
  const box = randomBox(draws, width, height);
  return { box, target: { width: side, height: side }, isMirrored: flip && isHeads };
}

/**
 * The evaluation transform: the short side to `short` (the long one truncated to whole pixels), then the square `side` in the
 * middle, its corner rounded half to even as Python does.
 */
export function evalGeometry(short: number, side: number, width: number, height: number): Geometry {
  const target = shortSideTo(short, width, height);
  const middle = (size: number) => roundHalfEven((size - side) / 2);
  return {
    box: { left: 0, top: 0, width, height },
    target,
    window: { left: middle(target.width), top: middle(target.height), width: side, height: side },
    isMirrored: false,
  };
}

/** The size of an image whose short side becomes `short`. */
export function shortSideTo(short: number, width: number, height: number): { width: number; height: number } {
  return width <= height
    ? { width: short, height: Math.trunc((short * height) / width) }
    : { width: Math.trunc((short * width) / height), height: short };
}

function roundHalfEven(x: number): number {
  const down = Math.floor(x);
  return x - down === 0.5 ? down + (down % 2) : Math.round(x);
}
