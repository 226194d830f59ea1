/** What a data set is to the rest of the program. */
import type { Decoding } from './images/decoding.ts';
import type { ImageSplit } from './images/imageSplit.ts';

/** Images in memory, uint8, NHWC. */
export interface Split {
  readonly count: number;
  readonly images: Uint8Array;
  /** Class of each image, below the number of classes. */
  readonly labels: Uint8Array;
}

/** How bytes become what a network sees, channel by channel: (pixel / scale − mean) / std. */
export interface Normalisation {
  /** For pixels scaled to 0 … 1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** The largest pixel value: 255, or 16 for digits. */
  readonly scale: number;
}

/** What is known of a data set, wherever its images are. */
interface About extends Normalisation {
  readonly name: string;
  /** [height, width, channels] */
  readonly shape: readonly [number, number, number];
  readonly classes: number;
  readonly classNames: readonly string[];
  /** SHA-256 over what training sees (after subsetting): the pixels, or the content of the files they are read from. */
  readonly fingerprint: string;
}

/** A data set whose images all lie in memory. */
export interface MemoryDataset extends About {
  readonly train: Split;
  readonly test: Split;
}

/** A data set whose images are read and decoded as they are needed. */
export interface ImageDataset extends About {
  readonly train: ImageSplit;
  readonly test: ImageSplit;
  /** Where the test images come from, in words: `val/`. */
  readonly heldOut: string;
  readonly decoding: Decoding;
}

export type Dataset = MemoryDataset | ImageDataset;

/** One training batch, a function of (seed, t). */
export interface Batch {
  /** [N, H, W, C], augmented, not normalised; valid until `release`. */
  readonly images: Uint8Array;
  readonly labels: Int32Array;
  /** Which training samples, in order. */
  readonly indices: Uint32Array;
  /** Whole epochs finished before this batch, from 0. */
  readonly epoch: number;
  /** Gives the images' memory back for a later batch; where none is given back, no more are decoded. */
  readonly release: () => void;
}

/** One batch of the whole held-out set, valid until the next is asked for; the last is padded. */
export interface EvalBatch {
  readonly images: Uint8Array;
  readonly labels: Int32Array;
  /** 1 for a sample, 0 for padding. */
  readonly weights: Float32Array;
}

/** What the training loop sees: enough for data that does not fit in memory too. */
export interface Batches {
  /** Batches an epoch; the last partial one is dropped. */
  readonly stepsPerEpoch: number;
  readonly batchSize: number;
  /** The batch of step t (from 1). */
  batch(t: number): Promise<Batch>;
  /** Ends the threads that make the batches, where there are any. Without it they last as long as the process, and do not hold it. */
  readonly close?: () => Promise<void>;
}
export interface EvalBatches {
  /** Samples that count: those whose files the latest evaluation found bad do not. Read it when that is over. */
  readonly count: number;
  readonly batchSize: number;
  batches(): AsyncIterable<EvalBatch>;
  readonly close?: () => Promise<void>;
}
