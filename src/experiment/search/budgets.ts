/** Which arms of a study must have had equally many trials, and how many they had. */
import { UserError } from '../../errors.ts';
import type { Arm, StudyPlan } from '../../runs/study.ts';
import { protocolOf } from '../study/protocol.ts';

/** Those that the study's first question is about. */
export const headsOf = (plan: StudyPlan): readonly Arm[] =>
  plan.arms.filter(({ kind, name }) => kind === 'full' || kind === 'baseline' || name === protocolOf(plan).headline);

/** By arm; none where the tier promises nothing. */
export function searchBudgets(plan: StudyPlan): { readonly arm: string; readonly budget: string }[] {
  const { tier } = protocolOf(plan);
  if (tier === 'T0') return [];
  const arms =
    tier === 'T1' ? headsOf(plan) : plan.arms.filter(({ kind, sameAs }) => kind !== 'control' && sameAs === undefined);
  return arms.map(({ name, tuning }) => ({ arm: name, budget: tuning ? `${tuning.trials} trials` : 'none' }));
}

/** Refuses to train a plan whose arms had unequal budgets, or none. */
export function checkBudgets(plan: StudyPlan): void {
  const budgets = searchBudgets(plan);
  if (new Set(budgets.map(({ budget }) => budget)).size < 2 && budgets.every(({ budget }) => budget !== 'none')) return;
  throw new UserError(
    `${protocolOf(plan).tier} gives these arms the same number of trials, and they had: ` +
      budgets.map(({ arm, budget }) => `${arm} ${budget}`).join(', '),
    { remedy: 'leave `tuned` out of study.arms, so that they are searched here too; or declare T0' },
  );
}
