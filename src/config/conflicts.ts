/** Blocks that are valid each by itself and not together. */
import { distance } from 'fastest-levenshtein';
import { datasets } from '../data/registry.ts';
import { models } from '../models/registry.ts';
import { matchesAny } from '../optim/names.ts';
import { runProblems } from '../optim/schedule.ts';
import { namedComponents } from './componentSet.ts';
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
  ...patternsMatch(experiment),
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
  const resize = dataset['resize'];
  if (typeof resize === 'number' && resize < height) {
    yield {
      path: ['dataset', 'resize'],
      message: `${resize} is shorter than the image of ${height} that is cropped from it`,
    };
  }
  if (datasets[dataset.name].origin === 'folder') {
    const message = `images of ${dataset.name} are cropped by RandomResizedCrop: leave this out`;
    if (train.augment.crop > 0) yield { path: ['train', 'augment', 'crop'], message };
  } else if (train.augment.crop >= Math.min(height, width)) {
    const message = `padding by ${train.augment.crop} pixels would crop whole images of ${height}×${width} away`;
    yield { path: ['train', 'augment', 'crop'], message };
  }
}

/** A pattern that matches no parameter excludes nothing; which parameters there are, the model says. */
function* patternsMatch({ model, dataset, optimizer }: Partial<Experiment>): Generator<Conflict> {
  if (!model || !dataset || !optimizer) return;
  const { agc, gc, normloss } = optimizer.components;
  const excluded = Object.entries({ agc, gc, normloss }).flatMap(([name, options]) =>
    options === false ? [] : [{ path: ['components', name, 'exclude'], patterns: options.exclude }],
  );
  const all = [...excluded, { path: ['decay', 'exclude'], patterns: optimizer.decay.exclude }];
  if (all.every(({ patterns }) => patterns.length === 0)) return;
  const names = parameterNames(model, dataset);
  for (const { path, patterns } of all) {
    for (const [i, pattern] of patterns.entries()) {
      if (names.some((name) => matchesAny([pattern], name))) continue;
      const message = `"${pattern}" matches no parameter of ${model.name}; nearest are ${nearestNames(pattern, names).join(', ')}`;
      yield { path: ['optimizer', ...path, i], message };
    }
  }
}

function parameterNames({ name, ...options }: Experiment['model'], dataset: Experiment['dataset']): string[] {
  const { shape, classes = 2 } = datasets[dataset.name].facts(dataset); // how many there are changes no name
  const [height, width, channels] = shape;
  return Object.keys(models[name].build(options, { height, width, channels, classes }).params);
}

/** Three names, of which a part is closest to the words of a pattern. */
function nearestNames(pattern: string, names: readonly string[]): string[] {
  const word = pattern.replaceAll('*', '').toLowerCase().slice(0, 100);
  const far = (name: string) => {
    const segments = name.toLowerCase().split('/');
    const parts = [...segments, ...segments.map((_, i) => segments.slice(i).join('/'))];
    return Math.min(...parts.map((part) => distance(word, part)));
  };
  return names
    .map((name) => ({ name, far: far(name) }))
    .sort((a, b) => a.far - b.far)
    .slice(0, 3)
    .map(({ name }) => name);
}

/** What is wrong between a study and the experiment it is of: whether what it names is on; seeds are distinct. */
export function studyConflicts({ optimizer, study }: Partial<Experiment>): Conflict[] {
  const { disable = [], order = [], seeds } = study ?? {};
  const named = Object.entries({ disable, order }).flatMap(([key, words]) =>
    namedComponents(words, optimizer).problems.map(({ index, message }) => ({ path: ['study', key, index], message })),
  );
  const isTwice = Array.isArray(seeds) && new Set(seeds).size < seeds.length;
  return [...named, ...(isTwice ? [{ path: ['study', 'seeds'], message: 'the same seed twice' }] : [])];
}
