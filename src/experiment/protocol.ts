/** What a study declares before its first run, and what follows from it. */
import type { Arm, ArmKind, Family, Protocol, StudyPlan } from '../runs/study.ts';

/** The baselines every design has. */
export const baseline = 'adamw';
export const scheduledBaseline = 'adamw+sched';
/** What a user calls a baseline with hyperparameters of its own. */
const tunedBaseline = 'adamw-tuned';

/** The control arms: the full optimizer on seeds of its own (A/A), and once more on the first seed. */
export const otherSeeds = 'aa';
export const sameAgain = 'twice';

/** What a plan says, or would have said before there was anything to declare. */
export const protocolOf = (plan: Pick<StudyPlan, 'protocol'>): Protocol =>
  plan.protocol ?? { alpha: 0.05, delta: 0.002, tier: 'T0', headline: scheduledBaseline };

/**
 * The arm that an arm is compared with; undefined for none. Components left out are compared with the full optimizer,
 * components added with the scheduled baseline (a schedule with the constant one), the full optimizer with the headline
 * arm, and the other baselines with the full optimizer, so that each pair stands in the table once.
 */
export function referenceOf(plan: StudyPlan, arm: Arm): Arm | undefined {
  const { headline } = protocolOf(plan);
  const byKind: Record<ArmKind, string | null> = {
    full: headline,
    without: plan.reference,
    baseline: arm.name === headline ? null : plan.reference,
    with: arm.components.every((name) => name === 'warmup' || name === 'warmdown') ? baseline : scheduledBaseline,
    screen: null,
    named: arm.name === headline ? null : plan.reference,
    control: plan.reference,
  };
  const name = arm.reference === undefined ? byKind[arm.kind] : arm.reference;
  return plan.arms.find((candidate) => candidate.name === name && name !== arm.name);
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
