/** The values of an experiment by their dotted keys. */
import { UserError } from '../errors.ts';
import { isMap, leaves } from './origin.ts';
import { experimentSchema, type Experiment } from './schema.ts';
import type { HyperValue } from './search.ts';

export type Hyperparameters = Readonly<Record<string, HyperValue>>;

/** Every key with a value that is no map. */
export const hyperKeys = (experiment: object): string[] =>
  leaves(experiment as Record<string, unknown>).map(([path]) => path.join('.'));

/** The value at a key; undefined where the experiment has none, as the options of a component that is off. */
export const hyperValue = (experiment: object, key: string): unknown =>
  key
    .split('.')
    .reduce<unknown>((at, name) => (isMap(at) && Object.hasOwn(at, name) ? at[name] : undefined), experiment);

/**
 * The experiment with these values instead of its own, checked; `what` names it in the error. Its study is left as it is: what that
 * disables and searches need not be in this arm.
 */
export function withHyperparameters(experiment: Experiment, values: Hyperparameters, what: string): Experiment {
  const { study, ...own } = experiment;
  const changed = Object.entries(values).reduce<object>(
    (tree, [key, value]) => replaced(tree, key.split('.'), value),
    own,
  );
  const { data, error } = experimentSchema.safeParse(changed);
  if (data) return study === undefined ? data : { ...data, study };
  const [issue] = error.issues;
  const settings = Object.entries(values).map(([key, value]) => `${key} ${value}`);
  throw new UserError(
    `${what} is no valid experiment with ${settings.join(', ')}: ${issue!.path.join('.')}: ${issue!.message}`,
    { remedy: 'narrow the range of that hyperparameter, in study.search.space or --space' },
  );
}

function replaced(tree: object, [name, ...rest]: readonly string[], value: unknown): object {
  const inner: unknown = (tree as Record<string, unknown>)[name!];
  return { ...tree, [name!]: rest.length === 0 ? value : replaced(isMap(inner) ? inner : {}, rest, value) };
}
