/** One experiment → the arms of its study. */
import type { Experiment, StudyBlock } from '../../config/schema.ts';
import { didYouMean } from '../../didYouMean.ts';
import { UserError } from '../../errors.ts';
import { componentNames, type ComponentName } from '../../optim/components/registry.ts';
import type { OptimizerConfig } from '../../optim/config.ts';
import { canonicalJson } from '../../runs/id.ts';
import type { Arm } from '../../runs/study.ts';
import { adamw, adamwWith, schedule, withOnly, without } from './armOptimizers.ts';
import { fractionalFactorial, plackettBurman, type Signs } from './designs.ts';
import { namedArms } from './namedArms.ts';
import { baseline, referenceName, familyOf, otherSeeds, sameAgain, scheduledBaseline } from './protocol.ts';

/** The full optimizer, which the arms are compared with. */
export const fullArm = 'ranger21';

/** What is added to the seed of an A/A run: beyond any seed a study counts from 0 on. */
export const otherSeedsOffset = 1_000_000;

export type AblationChoice = Partial<
  Pick<StudyBlock, 'disable' | 'addOneIn' | 'design' | 'order' | 'arms' | 'controls'>
> & {
  /** Of the plan. */
  readonly seeds?: readonly number[];
};

/**
 * The arms of a study:
 *
 *     ranger21          the base experiment
 *     -x, -x-y          leave-one-out: without x; without x and y, for `x+y`; without all that `disable` names, if several
 *     adamw             no component, constant learning rate
 *     adamw+sched       with the base's warm-up and warm-down, so that their gain is not credited to the rest
 *     +x                add-one-in: adamw+sched and x; for the schedule's own components, adamw and x
 *     +x, +x+y, …       ladder: one component after the other onto adamw+sched, each compared with the rung before
 *     -x, -x-y, …       and off the full optimizer in the same order
 *     -x-y              pairs: every two left out together
 *     pb01 … pb12       plackett-burman, f01 …: factorial: the base with the components of one row of the design
 *     <name>            the user's own: the base with values replaced
 *     aa                the base on seeds of its own, so that nothing but chance differs: the noise floor
 *     twice             the base once more on the first seed: what does not repeat
 *
 * A configuration that two designs ask for is trained once. Where they compare it with different arms, or in different families,
 * each comparison is an arm and `sameAs` names the one that is trained; `-x (ladder)` where both have one name.
 *
 * Without a `design` it is leave-one-out. All share the base's model, data, learning rate and weight decay, unless an arm of
 * the user's own says otherwise. The baselines are plain AdamW with the base's β and ε: no AMSGrad, decay on every tensor
 * the base's policy allows. The A/A arm has other seeds rather than a copy of the arm, because a copy with the same seeds
 * would be the same run; its pairs share nothing, so its spread is at least that of arms that share weights and batches.
 */
export function arms(base: Experiment, choice: AblationChoice = {}): Arm[] {
  const { optimizer } = base;
  if (base.stop.target !== undefined) {
    throw new UserError(`stop.target would end the arms of a study at different steps`, {
      remedy: 'leave it out; study.target measures the steps to a target and lets every run train on',
    });
  }
  const on = componentNames.filter((name) => optimizer.components[name] !== false);
  if (on.length === 0) {
    throw new UserError(`every component is off in ${base.name}: there is nothing to leave out`, {
      remedy: 'set optimizer.name: ranger21, with at least one component on',
    });
  }
  const { disable, addOneIn = false } = choice;
  const left =
    disable === undefined || disable.length === 0 ? on.map((name) => [name]) : namedGroups(disable, on, base.name);
  const chosen = inStepOrder(left.flat());
  const rungs = choice.order ? namedInOrder(choice.order, on, base.name) : chosen;
  const design = choice.design === undefined ? ['leave-one-out'] : [choice.design].flat();
  const has = (name: string) => design.includes(name);

  const armOf: MakeArm = (name, kind, named, config, more) => ({
    name,
    kind,
    components: named,
    experiment: { ...base, optimizer: config },
    ...more,
  });
  const standard = [
    armOf(fullArm, 'full', [], optimizer),
    ...(has('leave-one-out')
      ? left.map((group) => armOf(armName('-', group), 'without', group, without(optimizer, group)))
      : []),
    armOf(baseline, 'baseline', [], adamw(optimizer)),
    armOf(scheduledBaseline, 'baseline', [], adamwWith(optimizer, schedule(optimizer))),
    ...(has('add-one-in') || addOneIn
      ? chosen.map((name) => armOf(armName('+', [name]), 'with', [name], withOnly(optimizer, [name])))
      : []),
    ...(has('ladder') ? ladder(optimizer, rungs, armOf) : []),
    ...(has('pairs') ? pairs(optimizer, chosen, armOf) : []),
  ];
  const screens = screening(optimizer, design, chosen, armOf);
  const control = controls(choice, armOf, optimizer);
  const trained = trainedOnce(standard);
  return [
    ...trained,
    ...screens,
    ...namedArms(base, choice.arms ?? [], [...trained, ...screens, ...control]),
    ...control,
  ];
}

type MakeArm = (
  name: string,
  kind: Arm['kind'],
  named: readonly ComponentName[],
  config: OptimizerConfig,
  more?: Pick<Arm, 'reference' | 'family' | 'seeds' | 'seedOffset'>,
) => Arm;

/** One rung after the other, up from adamw+sched and down from the full optimizer; the schedule is on in all of them. */
function ladder(optimizer: OptimizerConfig, components: readonly ComponentName[], armOf: MakeArm): Arm[] {
  const order = components.filter((name) => !scheduled.includes(name));
  const rungs = order.map((_, i) => order.slice(0, i + 1));
  const climb = (sign: '+' | '-', from: string) =>
    rungs.map((rung, i) =>
      armOf(
        armName(sign, rung),
        sign === '+' ? 'with' : 'without',
        rung.slice(-1),
        sign === '+' ? withOnly(optimizer, rung) : without(optimizer, rung),
        { reference: i === 0 ? from : armName(sign, rungs[i - 1]!), family: 'ladder' },
      ),
    );
  return [...climb('+', scheduledBaseline), ...climb('-', fullArm)];
}

const scheduled: readonly string[] = ['warmup', 'warmdown'];

const namedInOrder = (order: readonly string[], on: readonly ComponentName[], experiment: string): ComponentName[] => [
  ...new Set(order.map((word) => known(word, on, experiment, 'study.order'))),
];

const pairs = (optimizer: OptimizerConfig, names: readonly ComponentName[], armOf: MakeArm): Arm[] =>
  names.flatMap((a, i) =>
    names
      .slice(i + 1)
      .map((b) => armOf(armName('-', [a, b]), 'without', [a, b], without(optimizer, [a, b]), { family: 'pairs' })),
  );

/** The base with the components of each row of a two-level design; those that are no factor stay on. */
function screening(
  optimizer: OptimizerConfig,
  design: readonly string[],
  factors: readonly ComponentName[],
  armOf: MakeArm,
): Arm[] {
  const asked = design.filter((name) => name === 'plackett-burman' || name === 'factorial');
  if (asked.length === 0) return [];
  if (asked.length > 1 || (asked[0] === 'factorial' && factors.length > 10) || factors.length > 11) {
    throw new UserError(`no one screening design has ${asked.join(' and ')} for ${factors.length} components`, {
      remedy: 'ask for plackett-burman (at most 11 components) or factorial (at most 10), not for both',
    });
  }
  const [prefix, signs]: [string, Signs] =
    asked[0] === 'factorial' ? ['f', fractionalFactorial(factors.length)] : ['pb', plackettBurman(factors.length)];
  return signs.map((row, i) => {
    const [off, on] = [factors.filter((_, f) => row[f] === -1), factors.filter((_, f) => row[f] === 1)];
    return armOf(`${prefix}${String(i + 1).padStart(2, '0')}`, 'screen', on, without(optimizer, off));
  });
}

/** A design of the protocol brings its controls; the quick form, components named and no design, only on demand. */
function controls(
  { design, controls: asked, seeds = [0] }: AblationChoice,
  armOf: MakeArm,
  optimizer: OptimizerConfig,
): Arm[] {
  const wanted = asked ?? (design === undefined ? [] : [otherSeeds, sameAgain]);
  if (wanted.includes(otherSeeds) && seeds.some((seed) => seeds.includes(seed + otherSeedsOffset))) {
    throw new UserError(`the A/A arm trains with the seeds + ${otherSeedsOffset}, which are seeds of this study too`, {
      remedy: 'choose smaller seeds, or leave aa out of study.controls',
    });
  }
  return [
    ...(wanted.includes(otherSeeds)
      ? [armOf(otherSeeds, 'control', [], optimizer, { seedOffset: otherSeedsOffset })]
      : []),
    ...(wanted.includes(sameAgain) ? [armOf(sameAgain, 'control', [], optimizer, { seeds: seeds.slice(0, 1) })] : []),
  ];
}

/** Each configuration trained once, under its first name; the same comparison of it once. */
function trainedOnce(all: readonly Arm[]): Arm[] {
  const kept: Arm[] = [];
  const firstOf = new Map<string, Arm>();
  for (const arm of all) {
    const config = canonicalJson(arm.experiment.optimizer);
    const first = firstOf.get(config);
    const twins = kept.filter((other) => other === first || (first && other.sameAs === first.name));
    if (first === undefined || arm.kind === 'baseline') kept.push(arm);
    else if (!twins.some((twin) => comparisonOf(twin) === comparisonOf(arm)))
      kept.push({ ...arm, name: freeName(arm, kept), sameAs: first.name });
    if (first === undefined) firstOf.set(config, arm);
  }
  return kept;
}

/** What an arm is compared with, and in which family. */
const comparisonOf = (arm: Arm): string => `${referenceName(arm, fullArm, scheduledBaseline) ?? ''} ${familyOf(arm)}`;

const freeName = (arm: Arm, others: readonly Arm[]): string =>
  others.some(({ name }) => name === arm.name) ? `${arm.name} (${familyOf(arm)})` : arm.name;

/** The groups to leave out, each in step order and once; with several entries, also all of them together. */
function namedGroups(disable: readonly string[], on: readonly ComponentName[], experiment: string): ComponentName[][] {
  const named = disable.flatMap((entry) => entry.split(',')).map((entry) => entry.trim());
  const groups = named.map((entry) => inStepOrder(entry.split('+').map((word) => known(word.trim(), on, experiment))));
  const all = groups.length > 1 ? [inStepOrder(groups.flat())] : [];
  return [...new Map([...groups, ...all].map((group) => [group.join('+'), group])).values()];
}

/** The component of this name; `key` is where the name stands. */
function known(
  word: string,
  on: readonly ComponentName[],
  experiment: string,
  key: '--disable' | 'study.order' = '--disable',
): ComponentName {
  const name = componentNames.find((component) => component === word);
  if (name === undefined) {
    const meant = didYouMean(word, componentNames);
    const what =
      key === '--disable'
        ? `no component ${JSON.stringify(word)} to disable`
        : `${key} names no component: ${JSON.stringify(word)}`;
    throw new UserError(`${what}${meant ? `; did you mean ${meant}?` : ''}`, {
      remedy: `components are ${componentNames.join(', ')}${key === '--disable' ? '; a+b leaves out both at once' : ''}`,
    });
  }
  if (!on.includes(name)) {
    throw new UserError(`${name} is off in ${experiment} already: an arm without it would be the same run again`, {
      remedy: `leave ${name} out of ${key}, or switch it on with --set optimizer.components.${name}=true`,
    });
  }
  return name;
}

const inStepOrder = (names: readonly ComponentName[]): ComponentName[] =>
  componentNames.filter((name) => names.includes(name));

const armName = (sign: '-' | '+', names: readonly ComponentName[]): string =>
  names.map((name) => `${sign}${name}`).join('');
