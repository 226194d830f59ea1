/** What a reader must know before believing a row of a table. */
import type { RunEntry } from '../runs/list.ts';
import type { StudyPlan } from '../runs/study.ts';
import { versionOf } from './caption.ts';
import { backendText, completedOf, type Row } from './rows.ts';

/** One sentence each; none when there is nothing to say. */
export function tableNotes(plan: StudyPlan, entries: readonly RunEntry[], rows: readonly Row[]): string[] {
  const finished = entries.filter(({ result }) => result);
  const completed = completedOf(entries);
  return [
    ...failureNotes(rows),
    ...pairingNotes(plan, rows),
    ...mixtures(
      plan,
      'backends',
      finished,
      ({ result }) => result && backendText(result.backend),
      'times do not compare and are left out',
    ),
    ...mixtures(
      plan,
      'training data',
      finished,
      ({ result }) => result?.fingerprint.slice(0, 8),
      `runs on other data than ${plan.reference} are not paired`,
    ),
    ...mixtures(
      plan,
      'steps',
      completed,
      ({ result }) => String(result?.steps),
      `runs of other lengths than ${plan.reference} are not paired`,
    ),
    ...mixtures(plan, 'code', finished, versionOf, 'differences may come from it'),
    ...inactiveNotes(plan, rows),
    ...fewSeeds(plan.seeds.length),
  ];
}

const fewSeeds = (n: number): string[] =>
  n < 3 ? [`${n} ${n === 1 ? 'seed describes' : 'seeds describe'} these runs and no others`] : [];

function failureNotes(rows: readonly Row[]): string[] {
  const short = rows.filter(({ completed, planned }) => completed < planned);
  if (short.length === 0) return [];
  const each = short.map(
    ({ arm, completed, planned, failures }) => `${arm} ${completed}/${planned} (${failuresText(failures)})`,
  );
  return [`means are over completed runs only: ${each.join(', ')}`];
}

const stateWords: Readonly<Record<string, string>> = { planned: 'not started' };

/** `2 stuck, 1 diverged` */
export const failuresText = (failures: Row['failures']): string =>
  Object.entries(failures)
    .map(([state, count]) => `${count} ${stateWords[state] ?? state}`)
    .join(', ');

function pairingNotes(plan: StudyPlan, rows: readonly Row[]): string[] {
  return rows.flatMap(({ arm, completed, difference }) => {
    if (arm === plan.reference || completed === 0) return [];
    if (!difference) return [`${arm} has no seed in common with ${plan.reference}: no difference`];
    if (difference.seeds.length === plan.seeds.length) return [];
    return [`the difference of ${arm} is over the seeds both arms completed: ${difference.seeds.join(', ')}`];
  });
}

/** A note where runs that should agree do not; it names the arms of each value. */
function mixtures(
  plan: StudyPlan,
  what: string,
  entries: readonly RunEntry[],
  valueOf: (entry: RunEntry) => string | undefined,
  consequence: string,
): string[] {
  const armsOf = new Map<string, Set<string>>();
  for (const entry of entries) {
    const value = valueOf(entry);
    if (value !== undefined) armsOf.set(value, (armsOf.get(value) ?? new Set()).add(entry.arm ?? ''));
  }
  if (armsOf.size < 2) return [];
  const inOrder = (arms: ReadonlySet<string>) =>
    plan.arms.flatMap(({ name }) => (arms.has(name) ? [name] : [])).join(', ');
  const each = [...armsOf].map(([value, arms]) => `${value} (${inOrder(arms)})`);
  return [`${what} differ: ${each.join('; ')}; ${consequence}`];
}

/** Where components that a row is about did nothing: in the reference that `-x` is compared with, or in `+x` itself. */
function inactiveNotes(plan: StudyPlan, rows: readonly Row[]): string[] {
  return rows.flatMap(({ arm, kind, components, inactive }) => {
    const idle = inactive.filter((name) => arm === plan.reference || (kind === 'with' && components.includes(name)));
    return idle.length === 0
      ? []
      : [`on in ${arm} without doing anything: ${idle.join(', ')}; this study says nothing about that`];
  });
}
