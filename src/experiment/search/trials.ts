/** The trials of one arm: its experiment with other hyperparameters, on a part of the training images, scored on the rest. */
import { hyperValue, withHyperparameters, type Hyperparameters } from '../../config/hyperparameters.ts';
import type { Experiment } from '../../config/schema.ts';
import { valueIn, type SearchBlock } from '../../config/search.ts';
import { searchPoints } from './points.ts';

export interface Trial {
  /** The arm whose hyperparameters are searched. */
  readonly arm: string;
  /** Names its folder. */
  readonly name: string;
  readonly by: 'search' | 'line';
  readonly values: Hyperparameters;
  /** Where each value lies in its range, 0 … 1; a choice has no place. */
  readonly places: Readonly<Record<string, number>>;
  readonly experiment: Experiment;
}

export const lrKey = 'optimizer.lr';

/**
 * The same points for every arm, each on the hyperparameters that the arm has: an option of a component that is off has no
 * meaning there.
 */
export function searchTrials(arm: string, experiment: Experiment, search: SearchBlock, prefix = `${arm}.`): Trial[] {
  const space = Object.entries(search.space);
  const points = searchPoints(
    search,
    space.map(([, range]) => range),
  );
  return points.map((point, i) => {
    const own = space.flatMap(([key, range], d) =>
      hyperValue(experiment, key) === undefined ? [] : [{ key, range, place: point[d]! }],
    );
    const values = Object.fromEntries(own.map(({ key, range, place }) => [key, valueIn(range, place)]));
    const places = Object.fromEntries(
      own.flatMap(({ key, range, place }) => {
        if (range.choice) return [];
        // whole numbers have ends that are reached, not only neared
        const { int } = range;
        return [[key, int ? ((values[key] as number) - int[0]) / (int[1] - int[0]) : place]];
      }),
    );
    return trial(arm, `${prefix}t${String(i + 1).padStart(3, '0')}`, 'search', experiment, values, places, search);
  });
}

/** The learning rate times each factor, everything else as it is. */
export function lineTrials(arm: string, experiment: Experiment, search: SearchBlock): Trial[] {
  const factors = [...new Set(search.line)].sort((a, b) => a - b);
  return factors.map((factor, i) => {
    const lr = Number((factor * experiment.optimizer.lr).toPrecision(12));
    const places = { [lrKey]: i / (factors.length - 1) };
    return trial(arm, `${arm}.lr${i + 1}`, 'line', experiment, { [lrKey]: lr }, places, search);
  });
}

function trial(
  arm: string,
  name: string,
  by: Trial['by'],
  { study: _, ...experiment }: Experiment,
  values: Hyperparameters,
  places: Trial['places'],
  { holdOut }: SearchBlock,
): Trial {
  const cut = { ...experiment, dataset: { ...experiment.dataset, holdOut } };
  return { arm, name, by, values, places, experiment: withHyperparameters(cut, values, `trial ${name}`) };
}
