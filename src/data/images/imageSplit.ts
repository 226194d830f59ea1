/** A split of a data set whose images are read one by one, and what happens to files that cannot be. */
import { chooseSubset } from '../assemble.ts';
import { shared } from './fileTable.ts';
import { nameOf, type ImageStore } from './imageStore.ts';

export interface ImageSplit {
  readonly count: number;
  readonly store: ImageStore;
  /** Class of each sample. */
  readonly labels: Int32Array;
  /** Where each sample is in the store; as they come where absent. */
  readonly places?: Uint32Array;
}

export const badFilePolicies = ['error', 'skip', 'warn'] as const;

/**
 * What happens to a file that does not decode, or not to its end. `error`: the run stops and names it. `skip`: in training the next
 * sample that decodes takes its place, in evaluation it is not counted. `warn`: what can be decoded is used, the rest is grey
 * or black; a file of which nothing can be decoded is skipped. Whatever was passed over is told once, by name.
 */
export type BadFilePolicy = (typeof badFilePolicies)[number];

/** Name of a sample in messages. */
export const sampleName = ({ store, places }: ImageSplit, i: number): string => nameOf(store, places?.[i] ?? i);

/** A stratified part of a split, the whole where `n` is absent. */
export function takeImages(split: ImageSplit, n: number | undefined, classes: number, name: string): ImageSplit {
  const chosen = chooseSubset(split.labels, n, classes, name);
  return chosen === undefined ? split : pickImages(split, chosen);
}

/** The samples with these indices, in this order. */
export const pickImages = ({ store, labels, places }: ImageSplit, indices: readonly number[]): ImageSplit => ({
  count: indices.length,
  store,
  labels: shared(Int32Array.from(indices, (i) => labels[i]!)),
  places: shared(Uint32Array.from(indices, (i) => places?.[i] ?? i)),
});
