/** The families of comparisons that a plan has too few seeds for. */
import type { StudyPlan } from '../../runs/study.ts';
import { familySizes, protocolOf } from '../study/protocol.ts';
import { tooFewSeeds } from './verdict.ts';

/** `leave one out: 5 seeds cannot give helps or hurts in a family of 10: 9 are needed`, one line a family; the controls aside. */
export function powerlessFamilies(plan: StudyPlan): string[] {
  const { alpha } = protocolOf(plan);
  return [...familySizes(plan)].flatMap(([family, comparisons]) => {
    const text = family === 'controls' ? null : tooFewSeeds(plan.seeds.length, comparisons, alpha);
    return text === null ? [] : [`${family}: ${text}`];
  });
}
