/** What makes the runs of a study no basis for one table. */
import type { RunEntry } from '../../runs/list.ts';
import type { StudyPlan } from '../../runs/study.ts';
import { completedOf } from './outcomes.ts';
import { backendText } from './rows.ts';
import { searchBudgets } from '../search/budgets.ts';

/** Each in one line with the arms of each value; none where the arms may be compared. */
export function refusals(plan: StudyPlan, entries: readonly RunEntry[], acceptDrift = false): string[] {
  const completed = completedOf(entries);
  const arms = plan.arms.map(({ name, experiment }) => ({ arm: name, experiment }));
  return [
    ...differing(plan, 'steps', completed, ({ result }) => String(result.steps)),
    ...differing(plan, 'batch size', arms, ({ experiment }) => String(experiment.train.batch)),
    ...differing(plan, 'evaluation', arms, ({ experiment }) => `every ${experiment.eval.every}`),
    ...differing(plan, 'search budgets', searchBudgets(plan), ({ budget }) => budget),
    ...differing(plan, 'training data', completed, ({ result }) => result.fingerprint.slice(0, 8)),
    ...differing(plan, 'precision', completed, ({ result }) => result.backend.precision ?? 'float32'),
    ...(acceptDrift ? [] : codeDrift(plan, entries)),
  ];
}

/** Runs of different training code: an arm may differ for that reason alone. */
export const codeDrift = (plan: StudyPlan, entries: readonly RunEntry[]): string[] =>
  differing(plan, 'training code', completedOf(entries), ({ result }) => result.code?.slice(0, 8) ?? 'not recorded');

/** The machines that the runs were trained on; times compare where it is one. */
export const hardwareDrift = (plan: StudyPlan, entries: readonly RunEntry[]): string[] =>
  differing(plan, 'hardware', completedOf(entries), hardwareOf);

export const hardwareOf = ({ result, env }: RunEntry): string =>
  [result && backendText(result.backend), env?.cpu.model].filter(Boolean).join(' on ');

/** One line where items that should agree do not: `steps differ: 40 (ranger21, adamw); 80 (-pnm)`. */
export function differing<Item extends { readonly arm?: string }>(
  plan: StudyPlan,
  what: string,
  items: readonly Item[],
  valueOf: (item: Item) => string,
): string[] {
  const armsOf = new Map<string, Set<string>>();
  for (const item of items) {
    const value = valueOf(item);
    armsOf.set(value, (armsOf.get(value) ?? new Set()).add(item.arm ?? ''));
  }
  if (armsOf.size < 2) return [];
  const inOrder = (arms: ReadonlySet<string>) =>
    plan.arms.flatMap(({ name }) => (arms.has(name) ? [name] : [])).join(', ');
  return [`${what} differ: ${[...armsOf].map(([value, arms]) => `${value} (${inOrder(arms)})`).join('; ')}`];
}
