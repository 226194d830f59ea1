/** A part of the training images held out in place of the test set, so that choosing hyperparameters leaves that alone. */
import { z } from 'zod';
import { chooseSubset, pick } from './assemble.ts';
import type { Dataset } from './dataset.ts';
import type { Facts } from './entry.ts';
import { pickImages } from './images/imageSplit.ts';
import { sha256 } from './sha256.ts';

/** An option of every data set. */
export const holdOutOption = {
  holdOut: z
    .number()
    .gt(0)
    .max(0.5)
    .optional()
    .describe('share of the training images, stratified, that is held out and evaluated on in place of the test set'),
};

const heldOutOf = (count: number, share: number): number => Math.max(1, Math.round(share * count));

export const heldOutText = (share: number): string =>
  `${Number((100 * share).toPrecision(6))} % of the training images`;

/** What is known of the data once the share is cut off. */
export function holdOutFacts({ train, test: _, ...facts }: Facts, share: number): Facts {
  if (train === undefined) return facts;
  const test = heldOutOf(train, share);
  return { ...facts, train: train - test, test };
}

/** The training images in two: `test` has the share of each class, `train` the rest. The test set is not in it. */
export function holdOut(dataset: Dataset, share: number): Dataset {
  const { labels, count } = dataset.train;
  const chosen = chooseSubset(labels, heldOutOf(count, share), dataset.classes, `${dataset.name} train`) ?? [];
  const isChosen = new Uint8Array(count);
  for (const i of chosen) isChosen[i] = 1;
  const rest = Array.from(labels.keys()).filter((i) => !isChosen[i]);
  const fingerprint = sha256(`${dataset.fingerprint}\nholdOut ${share}`);
  if (!('decoding' in dataset)) {
    return { ...dataset, train: pick(dataset.train, rest), test: pick(dataset.train, chosen), fingerprint };
  }
  const splits = { train: pickImages(dataset.train, rest), test: pickImages(dataset.train, chosen) };
  return { ...dataset, ...splits, heldOut: heldOutText(share), decoding: dataset.decoding.of(splits), fingerprint };
}
