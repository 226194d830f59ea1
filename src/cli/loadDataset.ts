/** Loading a data set for a command: what is read, and how far it has come, goes to stderr. */
import type { Experiment } from '../config/schema.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Reading } from '../data/reading.ts';
import { datasets } from '../data/registry.ts';
import { startProgress, type Progress } from './progress.ts';

/** Tells of reading with a progress bar for each part of the work; `end` takes the last one away. */
export function tellReading(name: string): { readonly reading: Reading; readonly end: () => void } {
  let progress: Progress | undefined;
  const end = () => {
    progress?.end();
    progress = undefined;
  };
  const reading: Reading = {
    say: (line) => (progress ? progress.say(line) : console.error(line)),
    onStart: (doing, total, unit) => {
      end();
      const bar = startProgress(`${doing} ${name}`, total, unit);
      progress = bar;
      return (done) => bar.update(done, '');
    },
  };
  return { reading, end };
}

export async function loadDataset({ name, ...options }: Experiment['dataset']): Promise<Dataset> {
  const { reading, end } = tellReading(name);
  try {
    const dataset: Dataset = await datasets[name].load(options, reading);
    if ('heldOut' in dataset) {
      const { classes, train, test, heldOut } = dataset;
      reading.say(
        `${name}: ${classes} classes, ${train.count} images to train on, ${test.count} to evaluate on: ${heldOut}`,
      );
    }
    return dataset;
  } finally {
    end();
  }
}
