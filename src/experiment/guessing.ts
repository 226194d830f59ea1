/** What a net scores that has not learnt to tell images apart, from the labels of a data set. */
import type { Dataset } from '../data/dataset.ts';
import type { Chance, LabelCounts } from '../runs/metrics.ts';

/** After subsetting, and after images were held out. */
export const labelCounts = ({ classes, train, test }: Dataset): LabelCounts => ({
  train: counted(train.labels, classes),
  test: counted(test.labels, classes),
});

function counted(labels: ArrayLike<number>, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (let i = 0; i < labels.length; i++) counts[labels[i]!]! += 1;
  return counts;
}

/**
 * The best prediction that is the same for every image, under label smoothing ε:
 *
 *     q_k = (1 − ε) · n_k / n + ε / C
 *
 * Its mean loss over the training labels is the entropy of q, which no other constant prediction reaches.
 */
export interface Prior {
  /** Cross entropy of q against the smoothed label, by class: −(1 − ε) ln q_k − ε/C · Σ_j ln q_j. Infinite for a class without images. */
  readonly losses: readonly number[];
  /** The most probable class, which it predicts; the lower of two alike. */
  readonly commonest: number;
  /** H(q), in nats. */
  readonly entropy: number;
}

export function priorOf(counts: readonly number[], labelSmoothing: number): Prior {
  const [classes, images] = [counts.length, counts.reduce((a, b) => a + b, 0)];
  const q = counts.map((count) => ((1 - labelSmoothing) * count) / images + labelSmoothing / classes);
  const logs = q.map(Math.log);
  const spread = labelSmoothing === 0 ? 0 : (labelSmoothing / classes) * logs.reduce((a, b) => a + b, 0);
  return {
    losses: logs.map((log) => -(1 - labelSmoothing) * log - spread),
    commonest: counts.indexOf(Math.max(...counts)),
    entropy: q.reduce((sum, x, k) => (x === 0 ? sum : sum - x * logs[k]!), 0),
  };
}

/** What the prior scores on a batch with these labels. */
export function priorScores({ losses, commonest }: Prior, labels: ArrayLike<number>): { loss: number; top1: number } {
  let [loss, hits] = [0, 0];
  for (let i = 0; i < labels.length; i++) {
    loss += losses[labels[i]!]!;
    if (labels[i] === commonest) hits += 1;
  }
  return { loss: loss / labels.length, top1: hits / labels.length };
}

export const chanceOf = ({ train, test }: LabelCounts, labelSmoothing: number): Chance => ({
  uniformLoss: Math.log(train.length),
  priorLoss: priorOf(train, labelSmoothing).entropy,
  top1: Math.max(...test) / test.reduce((a, b) => a + b, 0),
});
