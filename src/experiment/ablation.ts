/** One experiment → the arms of its ablation. */
import type { Experiment } from '../config/schema.ts';
import { didYouMean } from '../didYouMean.ts';
import { UserError } from '../errors.ts';
import { componentNames, type ComponentName } from '../optim/components/registry.ts';
import { optimizerSchema, type OptimizerConfig } from '../optim/config.ts';
import type { Arm } from '../runs/study.ts';

/** The full optimizer, which the arms are compared with. */
export const fullArm = 'ranger21';

export interface AblationChoice {
  /** What to leave out, an arm each: `pnm`, or `agc+gc` for both at once. Absent: every component that is on, in turn. */
  readonly disable?: readonly string[] | undefined;
  /** Also adds each of these components alone to the AdamW baseline. */
  readonly addOneIn?: boolean | undefined;
}

/**
 * The arms, in the order of the table:
 *
 *     ranger21        the base experiment
 *     -x, -x-y        without x; without x and y, for `x+y`; without all that `disable` names, if it names several
 *     adamw           no component, constant learning rate
 *     adamw+sched     with the base's warm-up and warm-down, so that their gain is not credited to the rest
 *     +x              adamw+sched and x; for the schedule's own components, adamw and x
 *
 * All share the base's model, data, learning rate and weight decay. The baselines are plain AdamW with the base's β and ε:
 * no AMSGrad, decay on every tensor the base's policy allows.
 */
export function arms(base: Experiment, { disable, addOneIn = false }: AblationChoice = {}): Arm[] {
  const { optimizer } = base;
  const on = componentNames.filter((name) => optimizer.components[name] !== false);
  if (on.length === 0) {
    throw new UserError(`every component is off in ${base.name}: there is nothing to leave out`, {
      remedy: 'set optimizer.name: ranger21, with at least one component on',
    });
  }
  const left =
    disable === undefined || disable.length === 0 ? on.map((name) => [name]) : namedGroups(disable, on, base.name);

  const arm = (name: string, kind: Arm['kind'], named: readonly ComponentName[], config: OptimizerConfig): Arm => ({
    name,
    kind,
    components: named,
    experiment: { ...base, optimizer: config },
  });
  const added = addOneIn ? inStepOrder(left.flat()) : [];
  return [
    arm(fullArm, 'full', [], optimizer),
    ...left.map((group) => arm(armName('-', group), 'without', group, without(optimizer, group))),
    arm('adamw', 'baseline', [], adamw(optimizer)),
    arm('adamw+sched', 'baseline', [], adamwWith(optimizer, schedule(optimizer))),
    ...added.map((name) => arm(armName('+', [name]), 'with', [name], withOnly(optimizer, name))),
  ];
}

/** The groups to leave out, each in step order and once; with several entries, also all of them together. */
function namedGroups(disable: readonly string[], on: readonly ComponentName[], experiment: string): ComponentName[][] {
  const named = disable.flatMap((entry) => entry.split(',')).map((entry) => entry.trim());
  const groups = named.map((entry) => inStepOrder(entry.split('+').map((word) => known(word.trim(), on, experiment))));
  const all = groups.length > 1 ? [inStepOrder(groups.flat())] : [];
  return [...new Map([...groups, ...all].map((group) => [group.join('+'), group])).values()];
}

function known(word: string, on: readonly ComponentName[], experiment: string): ComponentName {
  const name = componentNames.find((component) => component === word);
  if (name === undefined) {
    const meant = didYouMean(word, componentNames);
    throw new UserError(`no component ${JSON.stringify(word)} to disable${meant ? `; did you mean ${meant}?` : ''}`, {
      remedy: `components are ${componentNames.join(', ')}; a+b leaves out both at once`,
    });
  }
  if (!on.includes(name)) {
    throw new UserError(`${name} is off in ${experiment} already: an arm without it would be the same run again`, {
      remedy: `leave ${name} out of --disable, or switch it on with --set optimizer.components.${name}=true`,
    });
  }
  return name;
}

const inStepOrder = (names: readonly ComponentName[]): ComponentName[] =>
  componentNames.filter((name) => names.includes(name));

const armName = (sign: '-' | '+', names: readonly ComponentName[]): string =>
  names.map((name) => `${sign}${name}`).join('');

const without = (optimizer: OptimizerConfig, names: readonly ComponentName[]): OptimizerConfig => ({
  ...optimizer,
  components: { ...optimizer.components, ...Object.fromEntries(names.map((name) => [name, false])) },
});

/** What the baselines take from the base. */
function shared({ semantics, core, lr, weightDecay, decay, rank3Norm }: OptimizerConfig) {
  const { policy, exclude } = decay;
  const betas = core.name === 'adamw' ? { beta1: core.beta1, beta2: core.beta2, eps: core.eps } : {};
  return {
    semantics,
    lr,
    weightDecay,
    rank3Norm,
    core: { name: 'adamw', ...betas, amsgrad: false, adabelief: false },
    decay: { tensors: 'all', policy, exclude },
  };
}

const adamw = (base: OptimizerConfig): OptimizerConfig => optimizerSchema.parse({ ...shared(base), name: 'adamw' });

type Switches = Partial<Record<ComponentName, unknown>>;

/** Plain AdamW with exactly these components. */
const adamwWith = (base: OptimizerConfig, switches: Switches): OptimizerConfig =>
  optimizerSchema.parse({
    ...shared(base),
    name: 'ranger21',
    components: { ...Object.fromEntries(componentNames.map((name) => [name, false])), ...switches },
  });

/** The base's schedule; where it has none, the preset's, since without one the arm would be `adamw` again. */
function schedule({ components: { warmup, warmdown } }: OptimizerConfig): Switches {
  return warmup === false && warmdown === false ? { warmup: true, warmdown: true } : { warmup, warmdown };
}

function withOnly(base: OptimizerConfig, name: ComponentName): OptimizerConfig {
  const alone = { [name]: base.components[name] };
  return adamwWith(base, name === 'warmup' || name === 'warmdown' ? alone : { ...schedule(base), ...alone });
}
