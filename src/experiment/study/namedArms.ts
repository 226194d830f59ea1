/** The arms a user writes down, as arms of a study. */
import { armExperiment } from '../../config/arms.ts';
import type { Conflict } from '../../config/conflicts.ts';
import type { Experiment, StudyBlock } from '../../config/schema.ts';
import { didYouMean } from '../../didYouMean.ts';
import { canonicalJson } from '../../runs/id.ts';
import type { Arm } from '../../runs/study.ts';

type NamedArm = NonNullable<StudyBlock['arms']>[number];

/** The arms of `study.arms` that can be made, and what is wrong with the others; `before` are those the study has already. */
export function namedArms(
  base: Experiment,
  named: readonly NamedArm[],
  before: readonly Arm[],
): { readonly arms: Arm[]; readonly conflicts: Conflict[] } {
  const names = [...before, ...named].map(({ name }) => name);
  const arms: Arm[] = [];
  const conflicts: Conflict[] = [];
  for (const [i, { name, set, reference, tuned }] of named.entries()) {
    const place = ['study', 'arms', i];
    const report = (message: string, ...path: string[]) => void conflicts.push({ path: [...place, ...path], message });
    if (names.indexOf(name) < before.length + i) report(`another arm of this study is named ${name}`, 'name');
    const problem = reference === undefined ? undefined : referenceProblem(reference, name, names);
    if (problem !== undefined) report(problem, 'reference');
    const { experiment, conflicts: wrong } = armExperiment(base, set);
    conflicts.push(...wrong.map(({ path, message }) => ({ path: [...place, 'set', ...path], message })));
    if (!experiment) continue;
    const same = before.find((arm) => arm.kind !== 'control' && arm.sameAs === undefined && isSame(arm, experiment));
    if (same) report(`the same experiment as ${same.name}: leave it out, or set something that differs`);
    arms.push({
      name,
      kind: 'named',
      components: [],
      experiment,
      ...(reference !== undefined && { reference }),
      ...(tuned && { tuning: tuned }),
    });
  }
  return { arms, conflicts };
}

const isSame = (arm: Arm, experiment: Experiment): boolean =>
  canonicalJson(arm.experiment) === canonicalJson(experiment);

function referenceProblem(reference: string, name: string, names: readonly string[]): string | undefined {
  if (reference === name) {
    return 'an arm cannot be compared with itself: name another, or leave this out to compare it with the full optimizer';
  }
  return names.includes(reference) ? undefined : noArm(reference, names);
}

/** What to say of a name that no arm has. */
export function noArm(name: string, names: readonly string[]): string {
  const meant = didYouMean(name, names);
  return `no arm of this study is named "${name}"; ${meant ? `did you mean ${meant}?` : `arms are ${[...new Set(names)].join(', ')}`}`;
}
