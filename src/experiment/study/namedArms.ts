/** The arms a user writes down: the base experiment with values replaced. */
import { experimentSchema, type Experiment, type StudyBlock } from '../../config/schema.ts';
import { UserError } from '../../errors.ts';
import { canonicalJson } from '../../runs/id.ts';
import type { Arm } from '../../runs/study.ts';

type NamedArm = NonNullable<StudyBlock['arms']>[number];
type Tree = Readonly<Record<string, unknown>>;

/** What every arm of a study has in common, or its row could not be compared. */
const fixed = ['model', 'dataset', 'train.epochs', 'train.batch', 'eval.every', 'stop.target', 'seed', 'study', 'name'];

/** The arms of `study.arms`; `others` are those the study has already. */
export function namedArms(base: Experiment, named: readonly NamedArm[], others: readonly Arm[]): Arm[] {
  const names = new Set(others.map(({ name }) => name));
  return named.map(({ name, set, reference, tuned }) => {
    if (names.has(name)) {
      throw new UserError(`study.arms names two arms ${name}`, { remedy: 'give each arm a name of its own' });
    }
    names.add(name);
    if (reference === name) {
      throw new UserError(`study.arms: ${name} is compared with itself`, {
        remedy: 'name another arm, or leave reference out to compare it with the full optimizer',
      });
    }
    if (reference !== undefined && ![...names, ...named.map((arm) => arm.name)].includes(reference)) {
      throw new UserError(`study.arms: ${name} is compared with ${reference}, which is no arm of this study`, {
        remedy: `compare it with one of ${[...names].filter((other) => other !== name).join(', ')}`,
      });
    }
    const experiment = changed(base, name, set);
    const same = others.find(
      (arm) =>
        arm.kind !== 'control' &&
        arm.sameAs === undefined &&
        canonicalJson(arm.experiment) === canonicalJson(experiment),
    );
    if (same) {
      throw new UserError(`study.arms: ${name} is the same experiment as ${same.name}`, {
        remedy: 'leave it out, or set something that differs',
      });
    }
    return {
      name,
      kind: 'named',
      components: [],
      experiment,
      ...(reference !== undefined && { reference }),
      ...(tuned && { tuning: tuned }),
    };
  });
}

function changed(base: Experiment, name: string, set: Tree): Experiment {
  const paths = leafPaths(set);
  const common = fixed.find((key) => paths.some((path) => path === key || path.startsWith(`${key}.`)));
  if (common !== undefined) {
    throw new UserError(`study.arms: ${name} sets ${common}, which all arms of a study share`, {
      remedy: 'leave it out, or make a study of its own for it',
    });
  }
  const { optimizer, ...rest } = set;
  const result = experimentSchema.safeParse({
    ...merged({ ...base, study: undefined }, rest), // what the study disables need not be on in this arm
    optimizer: optimizer === undefined ? base.optimizer : changedOptimizer(base, optimizer as Tree),
  });
  if (result.success) return base.study === undefined ? result.data : { ...result.data, study: base.study };
  const [issue] = result.error.issues;
  throw new UserError(`study.arms: ${name}: ${issue!.path.join('.')}: ${issue!.message}`, {
    remedy: 'see ranger21 config schema for what an experiment may set',
  });
}

/**
 * A preset fills in what an optimizer leaves out, and the base has everything filled in. So an arm that sets `semantics` or
 * the optimizer's `name` starts from that preset with the base's learning rate and weight decay, and one that names
 * another core starts from that core's defaults; any other value is replaced in the base.
 */
function changedOptimizer({ optimizer: base }: Experiment, set: Tree): unknown {
  if (set['semantics'] !== undefined || set['name'] !== undefined) {
    return { lr: base.lr, weightDecay: base.weightDecay, ...set };
  }
  const { core, components, ...rest } = set;
  const coreName = typeof core === 'string' ? core : ((core as Tree | undefined)?.['name'] ?? base.core.name);
  const switches = Array.isArray(components)
    ? Object.fromEntries(Object.keys(base.components).map((key) => [key, components.includes(key)]))
    : ((components as Tree | undefined) ?? {});
  return {
    ...merged(base, rest),
    core:
      coreName !== base.core.name || typeof core === 'string'
        ? (core ?? base.core)
        : merged(base.core, (core as Tree) ?? {}),
    components: Object.fromEntries(
      Object.entries(base.components).map(([key, had]) => {
        const asked = switches[key];
        if (asked === undefined || (asked === true && had !== false)) return [key, had];
        return [key, typeof asked === 'object' && had !== false ? merged(had, asked as Tree) : asked];
      }),
    ),
  };
}

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);

function merged(base: object, set: Tree): Tree {
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(set)) {
    const before = result[key];
    result[key] = isTree(value) && isTree(before) ? merged(before, value) : value;
  }
  return result;
}

const leafPaths = (tree: Tree, prefix = ''): string[] =>
  Object.entries(tree).flatMap(([key, value]) =>
    isTree(value) ? leafPaths(value, `${prefix}${key}.`) : [`${prefix}${key}`],
  );
