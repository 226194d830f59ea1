import { UserError } from '../errors.ts';
import { permutation, stream } from '../random.ts';
import { begin } from '../spans.ts';
import { placement, writeImage, type Augment } from './augment.ts';
import type { Batch, Batches, Dataset, EvalBatch, EvalBatches, MemoryDataset } from './dataset.ts';
import { decodedEvaluation, decodedTraining } from './images/imageBatches.ts';

interface TrainOptions {
  readonly batch: number;
  readonly seed: number;
  readonly augment: Augment;
}

/**
 * Training batches. The batch of step t (from 1) is a function of (seed, t): each epoch takes the samples in a fresh
 * permutation and drops the last partial batch.
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
  { name, train, shape }: MemoryDataset,
  { batch: batchSize, seed, augment }: TrainOptions,
): Batches {
  const stepsPerEpoch = Math.floor(train.count / batchSize);
  if (stepsPerEpoch < 1) {
    throw new UserError(`train.batch is ${batchSize}, and ${name} has ${train.count} training samples`, {
      remedy: `set train.batch to ${train.count} or less`,
    });
  }
  const size = shape[0] * shape[1] * shape[2];
  const orderOf = remembered((epoch) => permutation(train.count, stream(seed, 'order', epoch)));

  const batch = (t: number): Batch => {
    const epoch = Math.floor((t - 1) / stepsPerEpoch);
    const first = ((t - 1) % stepsPerEpoch) * batchSize;
    const endOrder = begin('order');
    const indices = orderOf(epoch).slice(first, first + batchSize);
    endOrder();
    const endAugment = begin('augment');
    const images = new Uint8Array(batchSize * size);
    const labels = new Int32Array(batchSize);
    for (let i = 0; i < batchSize; i++) {
      const sample = indices[i] as number;
      labels[i] = train.labels[sample] as number;
      const place = placement(augment, seed, epoch, sample);
      writeImage(images, i * size, train.images, sample * size, shape, place, augment.crop);
    }
    endAugment();
    return { images, labels, indices, epoch, release: () => undefined };
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

function memoryEvaluation({ test, shape }: MemoryDataset, { batch }: { batch: number }): EvalBatches {
  const batchSize = Math.min(batch, test.count);
  const size = shape[0] * shape[1] * shape[2];
  const whole = { top: 0, left: 0, isFlipped: false };

  const at = (first: number): EvalBatch => {
    const images = new Uint8Array(batchSize * size);
    const labels = new Int32Array(batchSize);
    const weights = new Float32Array(batchSize);
    for (let i = 0; i < batchSize && first + i < test.count; i++) {
      writeImage(images, i * size, test.images, (first + i) * size, shape, whole, 0);
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
