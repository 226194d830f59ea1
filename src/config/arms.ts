/** The arms a user writes down: the base experiment with values replaced, which makes each a whole experiment. */
import { optimizerSchema, type OptimizerConfig } from '../optim/config.ts';
import { exactly } from './componentSet.ts';
import type { Conflict } from './conflicts.ts';
import { isMap, leaves } from './origin.ts';
import { experimentSchema, type Experiment } from './schema.ts';

type Values = Readonly<Record<string, unknown>>;

/** What every arm of a study has in common, or its row could not be compared. */
const shared = [
  ...['model', 'dataset', 'train.epochs', 'train.batch', 'eval.every', 'stop.target', 'seed', 'study', 'name'],
];

/** The values of `set` that an arm may not have of its own. */
export function sharedValues(set: Values): Conflict[] {
  const keys = leaves(set).map(([path]) => path.join('.'));
  const found = shared.filter((name) => keys.some((key) => key === name || key.startsWith(`${name}.`)));
  return found.map((name) => ({
    path: name.split('.'),
    message: `all arms of a study share ${name}: leave it out, or make a study of its own for it`,
  }));
}

/** The experiment of an arm, or what is wrong with it; paths are those of an experiment. */
export function armExperiment(
  base: Experiment,
  set: Values,
): { readonly experiment?: Experiment; readonly conflicts: readonly Conflict[] } {
  const { data, error } = experimentSchema.safeParse(withSet({ ...base, study: undefined }, set));
  const issues = (error?.issues ?? []).map(({ path, message }) => ({ path: path as Conflict['path'], message }));
  const conflicts = [...sharedValues(set), ...issues];
  if (!data || conflicts.length > 0) return { conflicts };
  // what the study disables need not be on in this arm
  return { experiment: base.study === undefined ? data : { ...data, study: base.study }, conflicts };
}

/** The base with the values of `set` in their place, not yet checked; those of another model or data set are refused as such. */
export function withSet(
  base: Partial<Experiment>,
  { optimizer, model: _, dataset: _dataset, ...rest }: Values,
): Values {
  const { optimizer: own = optimizerSchema.parse({}) } = base;
  const changed = isMap(optimizer) ? changedOptimizer(own, optimizer) : optimizer;
  return { ...merged(base, rest), optimizer: changed === undefined ? own : changed };
}

/**
 * A preset fills in what an optimizer leaves out, and the base has everything filled in. So an arm that sets `semantics` or
 * the optimizer's `name` starts from that preset with the base's learning rate and weight decay, and one that names
 * another core starts from that core's defaults; any other value is replaced in the base.
 */
function changedOptimizer(base: OptimizerConfig, set: Values): Values {
  if (startsAnew(set)) return { lr: base.lr, weightDecay: base.weightDecay, ...set };
  const { core = {}, components = {}, ...rest } = set;
  const coreName = isMap(core) ? (core['name'] ?? base.core.name) : undefined;
  return {
    ...merged(base, rest),
    core: isMap(core) && coreName === base.core.name ? merged(base.core, core) : core,
    components: changedComponents(base.components, components),
  };
}

/** Whether an arm's optimizer takes only the learning rate and the weight decay from the base. */
export const startsAnew = (optimizer: Values): boolean =>
  optimizer['semantics'] !== undefined || optimizer['name'] !== undefined;

/** `true` keeps the options that the base has. */
function changedComponents(base: OptimizerConfig['components'], asked: unknown): unknown {
  const isList = Array.isArray(asked) && asked.every((name) => typeof name === 'string');
  const switches = isList ? exactly(asked) : asked;
  if (!isMap(switches)) return switches; // the schema says what is wrong with it
  const changed: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(switches)) {
    const had = changed[name];
    if (value === undefined || (value === true && isMap(had))) continue;
    changed[name] = isMap(value) && isMap(had) ? merged(had, value) : value;
  }
  return changed;
}

function merged(base: object, set: Values): Values {
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(set)) {
    const before = result[key];
    result[key] = isMap(value) && isMap(before) ? merged(before, value) : value;
  }
  return result;
}
