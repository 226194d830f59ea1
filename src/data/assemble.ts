import { createHash } from 'node:crypto';
import { UserError } from '../errors.ts';
import { nameIndex, permutation, stream } from '../random.ts';
import type { MemoryDataset, Split } from './dataset.ts';

/** Seed of the shuffle that chooses a subset; fixed, so that every run sees the same samples. */
const subsetSeed = 21;

/** A data set ready for training: subsets taken, fingerprint computed. */
export function assemble(
  whole: Omit<MemoryDataset, 'fingerprint'>,
  take: { train?: number | undefined; test?: number | undefined },
): MemoryDataset {
  const train = subset(whole.train, take.train, whole.classes, `${whole.name} train`);
  const test = subset(whole.test, take.test, whole.classes, `${whole.name} test`);
  const dataset = { ...whole, train, test };
  return { ...dataset, fingerprint: fingerprint(dataset) };
}

/**
 * The first `n` samples of a fixed shuffle, as many of each class as its share asks for (largest remainder, ties to the
 * lower class), in their original order.
 */
export function subset(split: Split, n: number | undefined, classes: number, name: string): Split {
  const chosen = chooseSubset(split.labels, n, classes, name);
  return chosen === undefined ? split : pick(split, chosen);
}

/** Which samples `subset` takes, ascending; undefined where it takes all. */
export function chooseSubset(
  labels: Uint8Array | Int32Array,
  n: number | undefined,
  classes: number,
  name: string,
): number[] | undefined {
  if (n === undefined || n === labels.length) return undefined;
  if (n > labels.length) {
    throw new UserError(`${name} has ${labels.length} samples, ${n} are asked for`, {
      remedy: `set dataset.${name.endsWith('test') ? 'test' : 'train'} to ${labels.length} or less`,
    });
  }
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  const left = shares(counts, n);

  const chosen: number[] = [];
  for (const i of permutation(labels.length, stream(subsetSeed, 'order', 0, nameIndex('subset')))) {
    const label = labels[i] as number;
    if (left[label]) {
      left[label]--;
      chosen.push(i);
    }
  }
  return chosen.sort((a, b) => a - b);
}

/** n divided in proportion to `counts`. */
function shares(counts: readonly number[], n: number): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const exact = counts.map((count) => (n * count) / total);
  const whole = exact.map(Math.floor);
  const rest = n - whole.reduce((sum, count) => sum + count, 0);
  const byRemainder = exact.map((share, label) => ({ label, remainder: share - Math.floor(share) }));
  byRemainder.sort((a, b) => b.remainder - a.remainder || a.label - b.label);
  for (const { label } of byRemainder.slice(0, rest)) whole[label] = (whole[label] ?? 0) + 1;
  return whole;
}

/** The samples with these indices, in this order. */
export function pick(split: Split, indices: readonly number[]): Split {
  const size = split.images.length / split.count;
  const images = new Uint8Array(indices.length * size);
  indices.forEach((i, to) => images.set(split.images.subarray(i * size, (i + 1) * size), to * size));
  return { count: indices.length, images, labels: Uint8Array.from(indices, (i) => split.labels[i] as number) };
}

/** SHA-256 over everything of a data set that a run's result depends on: pixels, labels, shape and normalisation. */
function fingerprint({ shape, classes, mean, std, scale, train, test }: Omit<MemoryDataset, 'fingerprint'>): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify({ shape, classes, mean, std, scale, train: train.count, test: test.count }));
  for (const split of [train, test]) hash.update(split.labels).update(split.images);
  return hash.digest('hex');
}
