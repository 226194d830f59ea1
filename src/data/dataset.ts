/** What a data set is to the rest of the program. */

/** Images in memory, uint8, NHWC. */
export interface Split {
  readonly count: number;
  readonly images: Uint8Array;
  /** Class of each image, below the number of classes. */
  readonly labels: Uint8Array;
}

export interface Dataset {
  readonly name: string;
  /** [height, width, channels] */
  readonly shape: readonly [number, number, number];
  readonly classes: number;
  readonly classNames: readonly string[];
  /** Per channel, for pixels scaled to 0 … 1; images are normalised as (x/255 − mean)/std (digits: x/16). */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** The largest pixel value: 255, or 16 for digits. */
  readonly scale: number;
  readonly train: Split;
  readonly test: Split;
  /** SHA-256 over the bytes that training sees (after subsetting). */
  readonly fingerprint: string;
}

/** One training batch, a function of (seed, t). */
export interface Batch {
  /** [N, H, W, C] normalised, augmented. */
  readonly images: Float32Array;
  readonly labels: Int32Array;
  /** Which training samples, in order. */
  readonly indices: Uint32Array;
  /** Whole epochs finished before this batch, from 0. */
  readonly epoch: number;
}

/** One batch of the whole held-out set; the last is padded. */
export interface EvalBatch {
  readonly images: Float32Array;
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
}
export interface EvalBatches {
  readonly count: number;
  readonly batchSize: number;
  batches(): AsyncIterable<EvalBatch>;
}
