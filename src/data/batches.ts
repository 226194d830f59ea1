import { UserError } from '../errors.ts';
import { permutation, stream } from '../random.ts';
import { normalisation, placement, writeImage, type Augment } from './augment.ts';
import type { Batch, Batches, Dataset, EvalBatch, EvalBatches, ImageDataset, MemoryDataset } from './dataset.ts';
import { evalPixels, trainPixels } from './imageBatches.ts';

interface TrainOptions {
  readonly batch: number;
  readonly seed: number;
  readonly augment: Augment;
}

/**
 * Training batches. The batch of step t (from 1) is a function of (seed, t): each epoch takes the samples in a fresh
 * permutation and drops the last partial batch. Every batch has buffers of its own, so it may be transferred away.
 */
export const trainBatches = (dataset: Dataset, options: TrainOptions): Batches =>
  'decoding' in dataset ? decodedTraining(dataset, options) : memoryTraining(dataset, options);

/**
 * The whole held-out set in order, without augmentation. The last batch is filled up with zeros of weight 0; a
 * batch larger than the set becomes the set.
 */
export const evalBatches = (dataset: Dataset, options: { batch: number }): EvalBatches =>
  'decoding' in dataset ? decodedEvaluation(dataset, options) : memoryEvaluation(dataset, options);

function memoryTraining(
  { name, train, shape, mean, std, scale }: MemoryDataset,
  { batch: batchSize, seed, augment }: TrainOptions,
): Batches {
  const stepsPerEpoch = Math.floor(train.count / batchSize);
  if (stepsPerEpoch < 1) {
    throw new UserError(`train.batch is ${batchSize}, and ${name} has ${train.count} training samples`, {
      remedy: `set train.batch to ${train.count} or less`,
    });
  }
  const tables = normalisation(mean, std, scale);
  const size = shape[0] * shape[1] * shape[2];
  const orderOf = remembered((epoch) => permutation(train.count, stream(seed, 'order', epoch)));

  const batch = (t: number): Batch => {
    const epoch = Math.floor((t - 1) / stepsPerEpoch);
    const first = ((t - 1) % stepsPerEpoch) * batchSize;
    const indices = orderOf(epoch).slice(first, first + batchSize);
    const images = new Float32Array(batchSize * size);
    const labels = new Int32Array(batchSize);
    for (let i = 0; i < batchSize; i++) {
      const sample = indices[i] as number;
      labels[i] = train.labels[sample] as number;
      const place = placement(augment, seed, epoch, sample);
      writeImage(images, i * size, train.images, sample * size, shape, place, augment.crop, tables);
    }
    return { images, labels, indices, epoch };
  };
  return { stepsPerEpoch, batchSize, batch: (t) => Promise.resolve(batch(t)) };
}

/** A function of a number that keeps its last value. */
function remembered<T>(compute: (n: number) => T): (n: number) => T {
  let last: { n: number; value: T } | undefined;
  return (n) => {
    if (last?.n !== n) last = { n, value: compute(n) };
    return last.value;
  };
}

function memoryEvaluation({ test, shape, mean, std, scale }: MemoryDataset, { batch }: { batch: number }): EvalBatches {
  const batchSize = Math.min(batch, test.count);
  const tables = normalisation(mean, std, scale);
  const size = shape[0] * shape[1] * shape[2];
  const whole = { top: 0, left: 0, isFlipped: false };

  const at = (first: number): EvalBatch => {
    const images = new Float32Array(batchSize * size);
    const labels = new Int32Array(batchSize);
    const weights = new Float32Array(batchSize);
    for (let i = 0; i < batchSize && first + i < test.count; i++) {
      writeImage(images, i * size, test.images, (first + i) * size, shape, whole, 0, tables);
      labels[i] = test.labels[first + i] as number;
      weights[i] = 1;
    }
    return { images, labels, weights };
  };
  // eslint-disable-next-line @typescript-eslint/require-await -- the interface also fits data that come from a disk
  async function* batches() {
    for (let first = 0; first < test.count; first += batchSize) yield at(first);
  }
  return { count: test.count, batchSize, batches };
}

/** Decoded images, normalised on this thread. */
function decodedTraining(dataset: ImageDataset, options: TrainOptions): Batches {
  const source = trainPixels(dataset, options);
  const normalise = normaliser(dataset);
  const batch = async (t: number): Promise<Batch> => {
    const { pixels, labels, indices, epoch, release } = await source.batch(t);
    const images = normalise(pixels);
    release();
    return { images, labels, indices, epoch };
  };
  return { stepsPerEpoch: source.stepsPerEpoch, batchSize: source.batchSize, batch, close: source.close };
}

function decodedEvaluation(dataset: ImageDataset, options: { batch: number }): EvalBatches {
  const source = evalPixels(dataset, options);
  const normalise = normaliser(dataset);
  async function* batches(): AsyncGenerator<EvalBatch> {
    for await (const { pixels, labels, weights, release } of source.batches()) {
      const images = normalise(pixels);
      release();
      const size = images.length / weights.length;
      weights.forEach((weight, i) => weight === 0 && images.fill(0, i * size, (i + 1) * size));
      yield { images, labels, weights };
    }
  }
  return {
    get count() {
      return source.count;
    },
    batchSize: source.batchSize,
    batches,
    close: source.close,
  };
}

function normaliser({ mean, std, scale }: ImageDataset): (pixels: Uint8Array) => Float32Array {
  const [red, green, blue] = normalisation(mean, std, scale) as [Float32Array, Float32Array, Float32Array];
  return (pixels) => {
    const images = new Float32Array(pixels.length);
    for (let i = 0; i < pixels.length; i += 3) {
      images[i] = red[pixels[i] as number] as number;
      images[i + 1] = green[pixels[i + 1] as number] as number;
      images[i + 2] = blue[pixels[i + 2] as number] as number;
    }
    return images;
  };
}
