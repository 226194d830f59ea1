/** What is wrong between a search and the experiment it searches. */
import { datasets } from '../data/registry.ts';
import { didYouMean } from '../didYouMean.ts';
import { componentNames, type ComponentName } from '../optim/components/registry.ts';
import { conflicts, type Conflict } from './conflicts.ts';
import { isMap, leaves } from './origin.ts';
import { blocks, type Experiment } from './schema.ts';
import { valueIn, type Range, type SearchBlock } from './search.ts';

/** What all runs of a search share. */
const shared = ['name', 'seed', 'dataset', 'study', 'eval', 'log', 'checkpoint'];
const searched = ['model', 'optimizer', 'train', 'stop'];

/** The tier has what it needs, and every key of the space is one that this experiment has. */
export function* searchConflicts(experiment: Partial<Experiment>): Generator<Conflict> {
  const { study, dataset, train } = experiment;
  if (!study) return;
  const { tier, search } = study;
  if (tier === 'T1' && Object.keys(search?.space ?? {}).length === 0) {
    yield {
      path: ['study', 'tier'],
      message: 'T1 searches hyperparameters: declare their ranges in study.search.space',
    };
  }
  if (tier === 'T2' && seedCount(search) < 2) {
    yield { path: ['study', 'search', 'seeds'], message: 'T2 runs each learning rate with at least 2 seeds' };
  }
  if (tier !== 'T0' && dataset?.['holdOut'] !== undefined) {
    const message = 'trials hold out a part of their own: leave this out, or set study.tier: T0';
    yield { path: ['dataset', 'holdOut'], message };
  }
  if (search && dataset && train && dataset['holdOut'] === undefined) {
    const left = datasets[dataset.name].facts({ ...dataset, holdOut: search.holdOut }).train ?? Infinity;
    const message = `leaves a trial ${left} training images, fewer than a batch of ${train.batch}`;
    if (left < train.batch) yield { path: ['study', 'search', 'holdOut'], message };
  }
  if (tier === 'T1' && search?.design === 'grid') {
    const message = 'arms with fewer hyperparameters would get fewer trials: use halton, sobol or random';
    yield { path: ['study', 'search', 'design'], message };
  }
  for (const [key, range] of Object.entries(search?.space ?? {})) {
    const message = keyProblem(key, range, experiment, tier !== 'T0');
    if (message !== undefined) yield { path: ['study', 'search', 'space', key], message };
  }
}

const seedCount = (search: SearchBlock | undefined): number =>
  search === undefined ? 2 : typeof search.seeds === 'number' ? search.seeds : new Set(search.seeds).size;

/** What keeps a key from being searched; undefined for nothing. */
export function keyProblem(
  key: string,
  range: Range,
  experiment: Partial<Experiment>,
  isOfArms: boolean,
): string | undefined {
  const [block = '', , component] = key.split('.');
  if (shared.includes(block)) return `${block} is the same for all runs of a search`;
  if (
    /^optimizer\.components\.\w+$/.test(key) ||
    ['optimizer.name', 'optimizer.semantics', 'optimizer.core.name'].includes(key)
  ) {
    return 'this is what arms differ in, not a hyperparameter of theirs';
  }
  if (searched.includes(block) && experiment[block as keyof Experiment] === undefined) return undefined; // told by itself
  const { study: _, ...rest } = experiment;
  const keys = leaves(rest).map(([path]) => path.join('.'));
  if (!keys.includes(key))
    return unknownKey(
      key,
      keys,
      experiment,
      componentNames.find((name) => name === component),
    );
  if (isOfArms && block !== 'optimizer')
    return 'arms differ in their optimizer only: search keys that begin with optimizer.';
  return endProblem(key, range, experiment);
}

function unknownKey(
  key: string,
  keys: readonly string[],
  { optimizer }: Partial<Experiment>,
  component: ComponentName | undefined,
): string {
  if (component !== undefined && optimizer?.components[component] === false) {
    return `${component} is off in this experiment: it has no ${key.split('.').at(-1)}`;
  }
  const meant = didYouMean(key, keys);
  return `unknown key; ${meant === undefined ? 'write it in full, such as optimizer.lr' : `did you mean ${meant}?`}`;
}

/** What keeps either end of a range from being a value of this experiment. */
function endProblem(key: string, range: Range, { study: _, ...experiment }: Partial<Experiment>): string | undefined {
  const name = key.split('.')[0] as keyof typeof experiment;
  const before = conflicts(experiment).map(({ message }) => message);
  for (const value of range.choice ?? [valueIn(range, 0), valueIn(range, 1)]) {
    const changed = withValue(experiment, key.split('.'), value) as typeof experiment;
    const { data, error } = blocks.shape[name].safeParse(changed[name]);
    const found = (error?.issues ?? conflicts({ ...changed, [name]: data })).find(
      (one) => !before.includes(one.message),
    );
    if (found) return `${JSON.stringify(value)} is not possible: ${found.message}`;
  }
  return undefined;
}

const withValue = (tree: unknown, [name, ...rest]: readonly string[], value: unknown): unknown =>
  name === undefined
    ? value
    : { ...(isMap(tree) ? tree : {}), [name]: withValue(isMap(tree) ? tree[name] : undefined, rest, value) };
