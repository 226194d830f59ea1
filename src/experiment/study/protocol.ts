/** What a study declares before its first run, and what follows from it. */
import type { Arm, ArmKind, Family, Protocol, StudyPlan } from '../../runs/study.ts';

/** The baselines every design has. */
export const baseline = 'adamw';
export const scheduledBaseline = 'adamw+sched';
/** What a user calls a baseline with hyperparameters of its own. */
const tunedBaseline = 'adamw-tuned';

/** The control arms: the full optimizer on seeds of its own (A/A), and once more on the first seed. */
export const otherSeeds = 'aa';
export const sameAgain = 'twice';

/** 1 − α in per cent, exactly: `95 %`. */
export const confidenceText = (alpha: number): string => `${exact(100 * (1 - alpha))} %`;

/** A share in points, exactly: 0.002 → `0.2`. */
export const inPoints = (share: number): string => exact(100 * share);

/** Without what binary fractions add at the sixteenth figure. */
const exact = (x: number): string => String(Number(x.toPrecision(12)));

/** What a plan says, or would have said before there was anything to declare. */
export const protocolOf = (plan: Pick<StudyPlan, 'protocol'>): Protocol =>
  plan.protocol ?? { alpha: 0.05, delta: 0.002, tier: 'T0', headline: scheduledBaseline };

/**
 * The arm that an arm is compared with; undefined for none. Components left out are compared with the full optimizer,
 * components added with the scheduled baseline (a schedule with the constant one), the full optimizer with the headline
 * arm, and the other baselines with the full optimizer, so that each pair stands in the table once.
 */
export function referenceOf(plan: StudyPlan, arm: Arm): Arm | undefined {
  const name = referenceName(arm, plan.reference, protocolOf(plan).headline);
  return plan.arms.find((candidate) => candidate.name === name && name !== arm.name);
}

/** The name of that arm, `full` being the full optimizer's and `headline` the headline arm's. */
export function referenceName(arm: Arm, full: string, headline: string): string | null {
  const byKind: Record<ArmKind, string | null> = {
    full: headline,
    without: full,
    baseline: arm.name === headline ? null : full,
    with: arm.components.every((name) => name === 'warmup' || name === 'warmdown') ? baseline : scheduledBaseline,
    screen: null,
    named: arm.name === headline ? null : full,
    control: full,
  };
  return arm.reference === undefined ? byKind[arm.kind] : arm.reference;
}

const families: Readonly<Record<ArmKind, Family>> = {
  full: 'headline',
  baseline: 'headline',
  without: 'leave one out',
  with: 'add one in',
  screen: 'screening',
  named: 'named',
  control: 'controls',
};

/** The arms whose tests are corrected together with this one's. */
export const familyOf = (arm: Arm): Family => arm.family ?? families[arm.kind];

/** By family, how many comparisons are corrected together; a screening design has one for each factor. */
export function familySizes(plan: StudyPlan): Map<Family, number> {
  const sizes = new Map<Family, number>();
  for (const arm of plan.arms) {
    const family = familyOf(arm);
    if (referenceOf(plan, arm) && arm.name !== sameAgain) sizes.set(family, (sizes.get(family) ?? 0) + 1);
  }
  const factors = new Set(plan.arms.flatMap((arm) => (arm.kind === 'screen' ? arm.components : []))).size;
  if (factors > 0) sizes.set('screening', factors);
  return sizes;
}

/** The headings of a table's groups, in its order. */
export const groups = [
  'baselines',
  'full',
  'leave one out',
  'add one in',
  'ladder',
  'pairs',
  'named',
  'screening',
  'controls',
] as const;
export type Group = (typeof groups)[number];

export function groupOf(plan: StudyPlan, arm: Arm): Group {
  if (arm.kind === 'baseline' || arm.name === protocolOf(plan).headline) return 'baselines';
  const family = familyOf(arm);
  return family === 'headline' ? 'full' : family;
}

/** The arm that the full optimizer is compared with by default: an AdamW tuned for itself, or the one with the schedule. */
export function defaultHeadline(arms: readonly Arm[]): string {
  return arms.some(({ name }) => name === tunedBaseline) ? tunedBaseline : scheduledBaseline;
}
