/** Blocks that are valid each by itself and not together. */
import { datasets } from '../data/registry.ts';
import { didYouMean } from '../didYouMean.ts';
import { componentNames } from '../optim/components/registry.ts';
import { runProblems } from '../optim/schedule.ts';
import { expectConflicts } from './expect.ts';
import type { Path } from './problem.ts';
import type { Experiment } from './schema.ts';

export interface Conflict {
  readonly path: Path;
  readonly message: string;
}

/** What is wrong between the blocks that are there. */
export const conflicts = (experiment: Partial<Experiment>): Conflict[] => [
  ...dataFits(experiment),
  ...studyArms(experiment),
  ...expectConflicts(experiment),
];

function* dataFits({ dataset, train, optimizer }: Partial<Experiment>): Generator<Conflict> {
  if (!dataset || !train) return;
  const { shape, train: images } = datasets[dataset.name].facts(dataset);
  if (images !== undefined && train.batch > images) {
    const message = `${train.batch} images a step, but ${dataset.name} has ${images} for training here`;
    yield { path: ['train', 'batch'], message };
  } else if (images !== undefined && optimizer) {
    const run = { epochs: train.epochs, stepsPerEpoch: Math.floor(images / train.batch) };
    for (const { path, message, remedy } of runProblems(optimizer, run)) {
      yield { path: ['optimizer', ...path], message: `${message}; ${remedy}` };
    }
  }
  const [height, width] = shape;
  if (train.augment.crop >= Math.min(height, width)) {
    const message = `padding by ${train.augment.crop} pixels would crop whole images of ${height}×${width} away`;
    yield { path: ['train', 'augment', 'crop'], message };
  }
}

/** `disable` names components that are on, each arm once; seeds are distinct. */
function* studyArms({ optimizer, study }: Partial<Experiment>): Generator<Conflict> {
  const { disable = [], seeds } = study ?? {};
  const seen = new Set<string>();
  for (const [i, arm] of disable.entries()) {
    const path = ['study', 'disable', i];
    const names = arm.split('+');
    for (const name of names) {
      if (!(componentNames as readonly string[]).includes(name)) {
        const close = didYouMean(name, componentNames);
        const hint = close ? `did you mean ${close}?` : `components are ${componentNames.join(', ')}`;
        yield { path, message: `no component "${name}"; ${hint}` };
      } else if (optimizer && optimizer.components[name as keyof typeof optimizer.components] === false) {
        yield { path, message: `${name} is off in this experiment already` };
      }
    }
    if (new Set(names).size < names.length) yield { path, message: `"${arm}" names a component twice` };
    const same = names.sort().join('+');
    if (seen.has(same)) yield { path, message: `"${arm}" is there twice` };
    seen.add(same);
  }
  if (Array.isArray(seeds) && new Set(seeds).size < seeds.length) {
    yield { path: ['study', 'seeds'], message: 'the same seed twice' };
  }
}
