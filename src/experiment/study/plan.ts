/** What a study trains, as a value: arms × seeds, and what may change about it once it is frozen. */
import type { Experiment, StudyBlock } from '../../config/schema.ts';
import type { Dataset } from '../../data/dataset.ts';
import { UserError } from '../../errors.ts';
import { changesFromSemantics } from '../../optim/config.ts';
import { id8, identity, leafDifferences, runId } from '../../runs/id.ts';
import { studyRunPath } from '../../runs/layout.ts';
import type { Arm, DataFacts, Protocol, StudyPlan } from '../../runs/study.ts';
import { chanceOf, labelCounts } from '../guessing.ts';
import { defaultHeadline, familyOf, protocolOf, referenceOf } from './protocol.ts';

/** `study.seeds`: that many from `first` on, or exactly these. */
export function seedList(seeds: number | readonly number[], first = 0): number[] {
  if (typeof seeds !== 'number') return [...new Set(seeds)];
  const problem = seedProblem(seeds, first);
  if (problem !== undefined) throw new UserError(problem, { remedy: 'give a smaller number' });
  return Array.from({ length: seeds }, (_, i) => first + i);
}

export const seedProblem = (seeds: number | readonly number[], first: number): string | undefined =>
  typeof seeds === 'number' && (seeds > 10_000 || first > Number.MAX_SAFE_INTEGER - (seeds - 1))
    ? `${seeds} seeds from ${first} on are too many: at most 10000, none above ${Number.MAX_SAFE_INTEGER}`
    : undefined;

/** Every arm with every seed; all arms of a seed come before the next seed, so that a study cut short is still paired. */
export function makePlan({
  study,
  arms,
  seeds,
  fingerprint,
  reference = 'ranger21',
  facts,
  protocol,
}: {
  study: string;
  arms: readonly Arm[];
  seeds: readonly number[];
  fingerprint: string;
  reference?: string;
  facts?: DataFacts;
  protocol?: Protocol;
}): StudyPlan {
  const runs = seeds.flatMap((planned) =>
    arms
      .filter((arm) => arm.sameAs === undefined && (arm.seeds === undefined || arm.seeds.includes(planned)))
      .map(({ name, experiment, seedOffset = 0 }) => {
        const seed = planned + seedOffset;
        const id = runId(experiment, seed, fingerprint);
        return { arm: name, seed, id, path: studyRunPath(name, seed, id) };
      }),
  );
  const declared = { ...(facts && { facts }), ...(protocol && { protocol }) };
  const changedOptions = changedOptionsOf(arms, reference);
  return { schema: 1, study, reference, fingerprint, seeds, ...declared, changedOptions, arms, runs, additions: [] };
}

/** What the reference arm's optimizer changes about its semantics. */
export const changedOptionsOf = (arms: readonly Arm[], reference: string): string[] => {
  const arm = arms.find(({ name }) => name === reference) ?? arms[0];
  return arm ? changesFromSemantics(arm.experiment.optimizer) : [];
};

/** What a study declares before its first run; with the arms, whose names it may use. */
export function studyProtocol(block: Partial<StudyBlock> | undefined, arms: readonly Arm[]): Protocol {
  const { alpha = 0.05, delta = 0.002, tier = 'T0', target, headline = defaultHeadline(arms) } = block ?? {};
  if (!arms.some(({ name }) => name === headline)) {
    throw new UserError(`study.headline is ${headline}, which is no arm of this study`, {
      remedy: `arms are ${arms.map(({ name }) => name).join(', ')}`,
    });
  }
  return { alpha, delta, tier, headline, ...(target !== undefined && { target }) };
}

/** The data set as a plan records it. */
export function dataFacts(dataset: Dataset): DataFacts {
  const { shape, classes, train, test } = dataset;
  const labels = labelCounts(dataset);
  return { shape, classes, train: train.count, test: test.count, labels, chance: chanceOf(labels, 0) };
}

/**
 * Refuses a plan read from a file whose runs this code, or this data, would not give: it is trained as it was written or
 * not at all.
 */
export function checkPlan(plan: StudyPlan, fingerprint: string): void {
  if (plan.fingerprint !== fingerprint) {
    throw new UserError(`the plan of ${plan.study} is for other training data`, {
      remedy: 'prepare the data it names, or make a new plan',
    });
  }
  const changed = plan.runs.find((run) => runId(experimentOf(plan, run), run.seed, fingerprint) !== run.id);
  if (changed) {
    throw new UserError(
      `${changed.arm} with seed ${changed.seed} would be another run than the plan of ${plan.study} says`,
      {
        remedy: 'use the version of ranger21 that wrote the plan, or make a new plan',
      },
    );
  }
}

/** The experiment of a planned run, with its seed. */
export function experimentOf(plan: StudyPlan, run: { readonly arm: string; readonly seed: number }): Experiment {
  const arm = plan.arms.find(({ name }) => name === run.arm);
  if (!arm) throw new Error(`plan has no arm ${run.arm}`);
  return { ...arm.experiment, seed: run.seed };
}

/**
 * The plan to go on with where one is already frozen. Arms and seeds may be added, which is recorded with its time;
 * anything else that differs would make one table of two studies, and is an error that lists it and gives the `remedy`. The
 * data's facts stay as they were declared: no result chooses what guessing scores.
 */
export function continuePlan(
  frozen: StudyPlan,
  requested: StudyPlan,
  at: string,
  remedy = 'ask for the same again (arms and seeds may be added), or give this study a name of its own',
): StudyPlan {
  const differences = planDifferences(frozen, requested);
  if (differences.length > 0) {
    throw new UserError(
      `study ${frozen.study} was planned differently\n${differences.map((line) => `  ${line}`).join('\n')}`,
      { remedy },
    );
  }
  const names = new Set(frozen.arms.map(({ name }) => name));
  const arms = requested.arms.map(({ name }) => name).filter((name) => !names.has(name));
  const seeds = requested.seeds.filter((seed) => !frozen.seeds.includes(seed));
  const nothing = arms.length === 0 && seeds.length === 0;
  const additions = nothing ? frozen.additions : [...frozen.additions, { at, arms, seeds }];
  return { ...requested, ...(frozen.facts && { facts: frozen.facts }), additions };
}

/** What keeps `requested` from being `frozen` with arms or seeds added; one line each. */
export function planDifferences(frozen: StudyPlan, requested: StudyPlan): string[] {
  const lines: string[] = [];
  if (frozen.fingerprint !== requested.fingerprint) {
    lines.push(`training data: ${id8(frozen.fingerprint)}… → ${id8(requested.fingerprint)}…`);
  }
  if (frozen.reference !== requested.reference) lines.push(`reference: ${frozen.reference} → ${requested.reference}`);
  const [before, after] = [protocolOf(frozen), protocolOf(requested)];
  for (const key of ['alpha', 'delta', 'target', 'tier', 'headline'] as const) {
    if (before[key] !== after[key]) lines.push(`${key}: ${before[key] ?? 'none'} → ${after[key] ?? 'none'}`);
  }
  lines.push(...leafDifferences({ search: before.search }, { search: after.search }));
  const gone = frozen.seeds.filter((seed) => !requested.seeds.includes(seed));
  if (gone.length > 0) lines.push(`seeds ${gone.join(', ')} left out`);
  for (const arm of frozen.arms) {
    const now = requested.arms.find(({ name }) => name === arm.name);
    if (!now) {
      lines.push(`arm ${arm.name} left out`);
      continue;
    }
    const [was, is] = [referenceOf(frozen, arm), referenceOf(requested, now)].map((other) => other?.name ?? 'nothing');
    if (was !== is) lines.push(`arm ${arm.name} compared with ${was} → ${is}`);
  }
  return [...lines, ...armDifferences(frozen, requested)];
}

/** What an arm trains and how its row is judged, its reference aside. */
const determining = (arm: Arm): object => {
  const { kind, components, seeds, seedOffset, tuning, inherits, sameAs, experiment } = arm;
  const judged = { kind, components, family: familyOf(arm), seeds, seedOffset, tuning, inherits, sameAs };
  return { ...judged, ...(identity(experiment, 0, '') as object) };
};

/** Differences of the arms both have; one that several share is told once. */
function armDifferences(frozen: StudyPlan, requested: StudyPlan): string[] {
  const armsOf = new Map<string, string[]>();
  for (const was of frozen.arms) {
    const { name } = was;
    const now = requested.arms.find((arm) => arm.name === name);
    if (!now) continue;
    for (const line of leafDifferences(determining(was), determining(now))) {
      armsOf.set(line, [...(armsOf.get(line) ?? []), name]);
    }
  }
  if (armsOf.size === 0 && frozen.fingerprint === requested.fingerprint && idsChanged(frozen, requested)) {
    return ['the training code computes something else than when the study was planned'];
  }
  return [...armsOf].map(([line, arms]) =>
    arms.length === frozen.arms.length
      ? line
      : `${line} (${arms.slice(0, 3).join(', ')}${arms.length > 3 ? ', …' : ''})`,
  );
}

const idsChanged = (frozen: StudyPlan, requested: StudyPlan): boolean =>
  frozen.runs.some(({ arm, seed, id }) =>
    requested.runs.some((run) => run.arm === arm && run.seed === seed && run.id !== id),
  );
