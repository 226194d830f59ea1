/** Networks over bytes: the first thing a step does on the device is to normalise its images. */
import type { Normalisation } from '../data/dataset.ts';
import type { Model } from '../models/model.ts';
import { div, reshape, sub, tensor, type Tensor } from '../tensor/ops.ts';

/** The same network for images as they are stored. */
export const onPixels = (model: Model, normalisation: Normalisation): Model => ({
  ...model,
  apply: (params, stats, images, options) => model.apply(params, stats, normalised(images, normalisation), options),
});

/**
 * Pixels 0 … scale, [N, H, W, C], as networks see them, float32:
 *
 *     x = (pixel − scale · mean) / (scale · std)      per channel
 *
 * Computed on whole rows: over a last axis of three, TensorFlow and ONNX Runtime broadcast six to ten times as slowly.
 */
export function normalised(pixels: Tensor, { mean, std, scale }: Normalisation): Tensor {
  const [images, height, width, channels] = pixels.shape as [number, number, number, number];
  const row = (values: readonly number[]): Tensor =>
    tensor(
      Array.from({ length: width * channels }, (_, i) => scale * values[i % channels]!),
      [width * channels],
    );
  const rows = reshape(pixels, [images, height, width * channels]);
  return reshape(div(sub(rows, row(mean)), row(std)), pixels.shape);
}
