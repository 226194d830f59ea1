/** One experiment → the arms of its study. */
import { namedComponents } from '../../config/componentSet.ts';
import type { Conflict } from '../../config/conflicts.ts';
import { pathName } from '../../config/problem.ts';
import type { Experiment, StudyBlock } from '../../config/schema.ts';
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
  const { arms, conflicts } = armsOf(base, choice);
  if (conflicts.length === 0) return arms;
  const lines = conflicts.map(({ path, message }) => `${pathName(path)}: ${message}`);
  throw new UserError(lines.join('\n'), { remedy: 'correct these keys of the study' });
}

/** The arms that can be made, and what the study asks for that it cannot have. */
export function armsOf(base: Experiment, choice: AblationChoice): { arms: Arm[]; conflicts: Conflict[] } {
  const { optimizer } = base;
  const conflicts: Conflict[] = [];
  if (base.stop.target !== undefined) {
    const message =
      'would end the arms of a study at different steps: leave it out; study.target measures the steps to a target and lets every run train on';
    conflicts.push({ path: ['stop', 'target'], message });
  }
  const on = componentNames.filter((name) => optimizer.components[name] !== false);
  if (on.length === 0) {
    const message =
      'every component is off, so there is nothing to leave out: set name: ranger21, with at least one component on';
    return { arms: [], conflicts: [...conflicts, { path: ['optimizer'], message }] };
  }
  const named = (key: 'disable' | 'order') => {
    const { groups, problems } = namedComponents(choice[key] ?? [], optimizer);
    conflicts.push(...problems.map(({ index, message }) => ({ path: ['study', key, index], message })));
    return groups;
  };
  const disabled = named('disable');
  const left = disabled.length === 0 ? on.map((name) => [name]) : [...disabled, ...together(disabled)];
  const chosen = inStepOrder(left.flat());
  const rungs = choice.order ? [...new Set(named('order').flat())] : chosen;
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
    ...(has('add-one-in') || choice.addOneIn
      ? chosen.map((name) => armOf(armName('+', [name]), 'with', [name], withOnly(optimizer, [name])))
      : []),
    ...(has('ladder') ? ladder(optimizer, rungs, armOf) : []),
    ...(has('pairs') ? pairs(optimizer, chosen, armOf) : []),
  ];
  const screenProblem = screeningProblem(design, chosen);
  if (screenProblem !== undefined) conflicts.push({ path: ['study', 'design'], message: screenProblem });
  const screened = screenProblem === undefined ? screening(optimizer, design, chosen, armOf) : [];
  const wanted = controlsOf(choice);
  const { seeds = [0] } = choice;
  if (wanted.includes(otherSeeds) && seeds.some((seed) => seeds.includes(seed + otherSeedsOffset))) {
    const message = `the A/A arm trains with the seeds + ${otherSeedsOffset}, which are seeds of this study too: choose smaller seeds, or leave aa out of study.controls`;
    conflicts.push({ path: ['study', 'seeds'], message });
  }
  const controls = [
    ...(wanted.includes(otherSeeds)
      ? [armOf(otherSeeds, 'control', [], optimizer, { seedOffset: otherSeedsOffset })]
      : []),
    ...(wanted.includes(sameAgain) ? [armOf(sameAgain, 'control', [], optimizer, { seeds: seeds.slice(0, 1) })] : []),
  ];
  const trained = trainedOnce(standard);
  const own = namedArms(base, choice.arms ?? [], [...trained, ...screened, ...controls]);
  return {
    arms: [...trained, ...screened, ...own.arms, ...controls],
    conflicts: [...conflicts, ...own.conflicts],
  };
}

/** With several groups, all they name as one more. */
function together(groups: readonly (readonly ComponentName[])[]): ComponentName[][] {
  const all = inStepOrder(groups.flat());
  const isThere = groups.some((group) => group.length === all.length);
  return groups.length > 1 && !isThere ? [all] : [];
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
  const [asked] = screens(design);
  if (asked === undefined) return [];
  const [prefix, signs]: [string, Signs] =
    asked === 'factorial' ? ['f', fractionalFactorial(factors.length)] : ['pb', plackettBurman(factors.length)];
  return signs.map((row, i) => {
    const [off, on] = [factors.filter((_, f) => row[f] === -1), factors.filter((_, f) => row[f] === 1)];
    return armOf(`${prefix}${String(i + 1).padStart(2, '0')}`, 'screen', on, without(optimizer, off));
  });
}

const screens = (design: readonly string[]) =>
  design.filter((name) => name === 'plackett-burman' || name === 'factorial');

function screeningProblem(design: readonly string[], factors: readonly ComponentName[]): string | undefined {
  const asked = screens(design);
  const most = asked[0] === 'factorial' ? 10 : 11;
  if (asked.length === 0 || (asked.length === 1 && factors.length <= most)) return undefined;
  return (
    `no one screening design has ${asked.join(' and ')} for ${factors.length} components: ` +
    'ask for plackett-burman (at most 11 components) or factorial (at most 10), not for both'
  );
}

/** A design of the protocol brings its controls; the quick form, components named and no design, only on demand. */
const controlsOf = ({ design, controls }: AblationChoice): readonly string[] =>
  controls ?? (design === undefined ? [] : [otherSeeds, sameAgain]);

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

const inStepOrder = (names: readonly ComponentName[]): ComponentName[] =>
  componentNames.filter((name) => names.includes(name));

const armName = (sign: '-' | '+', names: readonly ComponentName[]): string =>
  names.map((name) => `${sign}${name}`).join('');
