/** What a study trains, as a value: arms × seeds, and what may change about it once it is frozen. */
import type { Experiment } from '../config/schema.ts';
import { UserError } from '../errors.ts';
import { canonicalJson, id8, identity, runId } from '../runs/id.ts';
import { studyRunPath } from '../runs/layout.ts';
import type { Arm, StudyPlan } from '../runs/study.ts';

/** `study.seeds`: that many from `first` on, or exactly these. */
export function seedList(seeds: number | readonly number[], first = 0): number[] {
  if (typeof seeds !== 'number') return [...new Set(seeds)];
  if (seeds > 10_000 || first > Number.MAX_SAFE_INTEGER - (seeds - 1)) {
    throw new UserError(`${seeds} seeds from ${first} on are too many`, {
      remedy: `give at most 10000, none above ${Number.MAX_SAFE_INTEGER}`,
    });
  }
  return Array.from({ length: seeds }, (_, i) => first + i);
}

/** Every arm with every seed; all arms of a seed come before the next seed, so that a study cut short is still paired. */
export function makePlan({
  study,
  arms,
  seeds,
  fingerprint,
  reference = 'ranger21',
}: {
  study: string;
  arms: readonly Arm[];
  seeds: readonly number[];
  fingerprint: string;
  reference?: string;
}): StudyPlan {
  const runs = seeds.flatMap((seed) =>
    arms.map(({ name, experiment }) => {
      const id = runId(experiment, seed, fingerprint);
      return { arm: name, seed, id, path: studyRunPath(name, seed, id) };
    }),
  );
  return { schema: 1, study, reference, fingerprint, seeds, arms, runs, additions: [] };
}

/** The experiment of a planned run, with its seed. */
export function experimentOf(plan: StudyPlan, run: { readonly arm: string; readonly seed: number }): Experiment {
  const arm = plan.arms.find(({ name }) => name === run.arm);
  if (!arm) throw new Error(`plan has no arm ${run.arm}`);
  return { ...arm.experiment, seed: run.seed };
}

/**
 * The plan to go on with where one is already frozen. Arms and seeds may be added, which is recorded with its time;
 * anything else that differs would make one table of two studies, and is an error that lists it.
 */
export function continuePlan(frozen: StudyPlan, requested: StudyPlan, at: string): StudyPlan {
  const differences = planDifferences(frozen, requested);
  if (differences.length > 0) {
    throw new UserError(
      `study ${frozen.study} was planned differently\n${differences.map((line) => `  ${line}`).join('\n')}`,
      { remedy: 'ask for the same again (arms and seeds may be added), or give this study a name of its own' },
    );
  }
  const names = new Set(frozen.arms.map(({ name }) => name));
  const arms = requested.arms.map(({ name }) => name).filter((name) => !names.has(name));
  const seeds = requested.seeds.filter((seed) => !frozen.seeds.includes(seed));
  const nothing = arms.length === 0 && seeds.length === 0;
  return { ...requested, additions: nothing ? frozen.additions : [...frozen.additions, { at, arms, seeds }] };
}

/** What keeps `requested` from being `frozen` with arms or seeds added; one line each. */
export function planDifferences(frozen: StudyPlan, requested: StudyPlan): string[] {
  const lines: string[] = [];
  if (frozen.fingerprint !== requested.fingerprint) {
    lines.push(`training data: ${id8(frozen.fingerprint)}… → ${id8(requested.fingerprint)}…`);
  }
  if (frozen.reference !== requested.reference) lines.push(`reference: ${frozen.reference} → ${requested.reference}`);
  const gone = frozen.seeds.filter((seed) => !requested.seeds.includes(seed));
  if (gone.length > 0) lines.push(`seeds ${gone.join(', ')} left out`);
  for (const arm of frozen.arms) {
    if (!requested.arms.some(({ name }) => name === arm.name)) lines.push(`arm ${arm.name} left out`);
  }
  return [...lines, ...armDifferences(frozen, requested)];
}

/** Differences of the arms both have; one that several share is told once. */
function armDifferences(frozen: StudyPlan, requested: StudyPlan): string[] {
  const armsOf = new Map<string, string[]>();
  for (const { name, experiment } of frozen.arms) {
    const now = requested.arms.find((arm) => arm.name === name);
    if (!now) continue;
    const [before, after] = [experiment, now.experiment].map((e) => leaves(identity(e, 0, '')));
    for (const path of new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])) {
      const [was, is] = [before?.[path] ?? 'absent', after?.[path] ?? 'absent'];
      if (was === is) continue;
      const line = `${path}: ${was} → ${is}`;
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

/** Every leaf by its dotted path, as JSON. */
function leaves(value: unknown, path = ''): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { [path]: canonicalJson(value) ?? 'absent' };
  return Object.assign(
    {},
    ...Object.entries(value).map(([key, x]) => leaves(x, path ? `${path}.${key}` : key)),
  ) as Record<string, string>;
}
