/** Batches of images that are decoded as they are needed, by several threads into a ring of shared buffers. */
import { UserError } from '../../errors.ts';
import type { Batch, Batches, EvalBatch, EvalBatches, ImageDataset } from '../dataset.ts';
import type { Pool } from './decodePool.ts';
import type { DecodeDone, DecodeTask } from './decodeTask.ts';
import { epochOrders } from '../epochOrder.ts';

/**
 * Batches in memory at once: one that the step computes with, one that is ready, one that is being decoded. The pixels take
 * 3 · batch · H · W · 3 bytes, 116 MB at 256 images of 224×224, whatever the number of threads.
 */
const ringSize = 3;
/** Evaluation holds two: one is decoded while the other is used. */
const evalRingSize = 2;
/** Images a task: small enough that all threads share the first batch, large enough that messages cost nothing. */
const taskImages = 8;

interface Part {
  readonly samples: Uint32Array;
  readonly epoch: number;
}

interface Started {
  readonly slot: Uint8Array;
  readonly decoded: Promise<Decoded>;
  readonly epoch: number;
}

interface Decoded {
  readonly pixels: Uint8Array;
  readonly samples: Uint32Array;
  /** Places without pixels. */
  readonly gaps: readonly number[];
}

/**
 * Training batches. The batch of step t is a function of (seed, t), the crop and mirroring of a sample one of (seed, epoch,
 * sample): neither depends on the number of threads or on what was asked before.
 */
export function decodedTraining(
  dataset: ImageDataset,
  { batch: batchSize, seed, augment }: { batch: number; seed: number; augment: { crop: number; flip: boolean } },
): Batches & { close: () => Promise<void> } {
  const { name, train, decoding, shape } = dataset;
  if (augment.crop > 0) {
    throw new UserError(`train.augment.crop is ${augment.crop}; images of ${name} are cropped by RandomResizedCrop`, {
      remedy: 'remove train.augment.crop',
    });
  }
  const stepsPerEpoch = Math.floor(train.count / batchSize);
  if (stepsPerEpoch < 1) {
    throw new UserError(`train.batch is ${batchSize}, and ${name} has ${train.count} training samples`, {
      remedy: `set train.batch to ${train.count} or less`,
    });
  }
  const pool = decoding.enter();
  const order = epochOrders(pool, train.count, seed);
  const part = (t: number): Part => {
    const epoch = Math.floor((t - 1) / stepsPerEpoch);
    const first = ((t - 1) % stepsPerEpoch) * batchSize;
    return { samples: order(epoch).slice(first, first + batchSize), epoch };
  };
  const task = (epoch: number) => ({
    kind: 'decode' as const,
    split: 'train' as const,
    augment: { seed, epoch, flip: augment.flip },
    side: shape[0],
    short: decoding.short,
    policy: decoding.policy,
  });

  const ring = sharedSlots(ringSize, batchSize * shape[0] * shape[1] * 3);
  const ahead = new Map<number, Started>();
  const wanted: { t: number; start: (started: Started) => void }[] = [];
  let next = 1;

  /** Starts what is asked for, then what comes after it, as far as there are free slots. */
  const fill = () => {
    for (let slot = ring.pop(); slot !== undefined; slot = ring.pop()) {
      const asked = wanted.shift();
      const t = asked?.t ?? next;
      const { samples, epoch } = part(t);
      const decoded = decodeAll(pool, task(epoch), samples, slot, decoding.report);
      decoded.catch(() => undefined); // told where it is awaited
      const started = { slot, decoded, epoch };
      if (asked) asked.start(started);
      else ahead.set(t, started);
      next = t + 1;
    }
  };
  const giveBack = (slot: Uint8Array) => {
    ring.push(slot);
    fill();
  };
  /** What was decoded ahead is of no use where another step is asked for: its slots come back when their threads are done. */
  const ask = (t: number) =>
    new Promise<Started>((start) => {
      wanted.push({ t, start });
      for (const { slot, decoded } of ahead.values()) void decoded.catch(() => undefined).then(() => giveBack(slot));
      ahead.clear();
      fill();
    });

  const batch = async (t: number): Promise<Batch> => {
    const { slot, decoded, epoch } = ahead.get(t) ?? (await ask(t));
    ahead.delete(t);
    let isHeld = true;
    const release = () => {
      if (isHeld) giveBack(slot);
      isHeld = false;
    };
    try {
      const { pixels, samples } = await decoded;
      const labels = Int32Array.from(samples, (sample) => train.labels[sample] as number);
      return { images: pixels, labels, indices: samples, epoch, release };
    } catch (error) {
      release();
      throw error;
    }
  };
  return { stepsPerEpoch, batchSize, batch, close: once(decoding.leave) };
}

/** The whole held-out set in order; the last batch is filled up with zeros of weight 0, and so is a sample whose file is bad. */
export function decodedEvaluation(
  dataset: ImageDataset,
  { batch }: { batch: number },
): EvalBatches & { close: () => Promise<void> } {
  const { name, test, decoding, shape } = dataset;
  const batchSize = Math.min(batch, test.count);
  const pool = decoding.enter();
  /** Samples that the latest evaluation had no pixels of. */
  let bad = 0;
  const task = {
    kind: 'decode' as const,
    split: 'test' as const,
    side: shape[0],
    short: decoding.short,
    policy: decoding.policy,
  };

  async function* batches(): AsyncGenerator<EvalBatch> {
    bad = 0;
    const ring = sharedSlots(evalRingSize, batchSize * shape[0] * shape[1] * 3);
    const starts: number[] = [];
    for (let first = 0; first < test.count; first += batchSize) starts.push(first);
    const start = (first: number | undefined, slot: Uint8Array) => {
      if (first === undefined) return undefined;
      const samples = Uint32Array.from({ length: Math.min(batchSize, test.count - first) }, (_, i) => first + i);
      const decoded = decodeAll(pool, task, samples, slot, decoding.report);
      decoded.catch(() => undefined); // told where it is awaited
      return { slot, decoded };
    };
    const running = ring.map((slot) => start(starts.shift(), slot));
    for (let job = running.shift(); job !== undefined; job = running.shift()) {
      const { pixels, samples, gaps } = await job.decoded;
      bad += gaps.length;
      pixels.fill(0, samples.length * shape[0] * shape[1] * 3);
      const labels = new Int32Array(batchSize);
      const weights = new Float32Array(batchSize);
      samples.forEach((sample, i) => {
        labels[i] = test.labels[sample] as number;
        weights[i] = gaps.includes(i) ? 0 : 1;
      });
      yield { images: pixels, labels, weights };
      running.push(start(starts.shift(), job.slot));
    }
    if (bad < test.count) return;
    throw new UserError(`none of the ${test.count} test images of ${name} can be decoded`, {
      remedy: 'replace the images of the validation folder',
    });
  }
  return {
    get count() {
      return test.count - bad;
    },
    batchSize,
    batches,
    close: once(decoding.leave),
  };
}

/** Decodes samples to one slot, in tasks of a few images; resolves when no thread writes to the slot any more. */
async function decodeAll(
  pool: Pool,
  task: Omit<DecodeTask, 'samples' | 'out'>,
  wanted: Uint32Array,
  slot: Uint8Array,
  report: ImageDataset['decoding']['report'],
): Promise<Decoded> {
  const size = task.side * task.side * 3;
  const samples = wanted.slice();
  const gaps: number[] = [];
  const parts: Promise<DecodeDone>[] = [];
  for (let first = 0; first < samples.length; first += taskImages) {
    const some = wanted.slice(first, first + taskImages);
    const out = slot.subarray(first * size, (first + some.length) * size);
    parts.push(pool.run({ ...task, samples: some, out }));
  }
  const ended = await Promise.allSettled(parts);
  ended.forEach((end, i) => {
    if (end.status === 'rejected') throw end.reason;
    const { bad, standIns, gaps: missing } = end.value;
    report(task.split, bad);
    for (const { place, sample } of standIns) samples[i * taskImages + place] = sample;
    for (const place of missing) gaps.push(i * taskImages + place);
  });
  return { pixels: slot, samples, gaps };
}

const sharedSlots = (count: number, bytes: number): Uint8Array[] =>
  Array.from({ length: count }, () => new Uint8Array(new SharedArrayBuffer(bytes)));

function once(leave: () => Promise<void>): () => Promise<void> {
  let left: Promise<void> | undefined;
  return () => (left ??= leave());
}
