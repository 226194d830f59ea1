/** Results of a study → one canonical table, which every renderer prints. Failures are rows' facts, never left out. */
import type { StudyChecks } from '../runs/checks.ts';
import type { RunEntry } from '../runs/list.ts';
import type { EvalMetrics } from '../runs/metrics.ts';
import type { Arm, StudyPlan } from '../runs/study.ts';
import { inactivity } from './activity.ts';
import { tableCaption, type Caption } from './caption.ts';
import { compare, corrected, type Comparison } from './comparison.ts';
import { gates, tableFooter, type Footer } from './footer.ts';
import { tableNotes } from './notes.ts';
import { armRuns, chanceOf, completedOf, type ArmRuns } from './outcomes.ts';
import { familyOf, groupOf, groups, protocolOf, referenceOf, sameAgain } from './protocol.ts';
import { hardwareDrift, hardwareOf, refusals } from './refusals.ts';
import { armRow, type Row } from './rows.ts';
import { screenEffects, type ScreenEffect } from './screening.ts';
import { median } from './statistics/describe.ts';
import { synergyOf } from './synergy.ts';
import { speedUp, stepsToTarget, targetOf, timeToTarget, type Target, type TimeToTarget } from './timeToTarget.ts';

export interface StudyTable {
  readonly schema: 2;
  readonly study: string;
  /** The full optimizer, which arms without components are compared with. */
  readonly reference: string;
  /** The arm the full optimizer is compared with. */
  readonly headline: string;
  readonly caption: Caption;
  /** Why the arms may not be compared; then no row has a comparison. */
  readonly refusals: readonly string[];
  /** Failed gates, to be read before the table. */
  readonly banners: readonly string[];
  readonly target: Target | null;
  readonly rows: readonly Row[];
  readonly screening: readonly ScreenEffect[];
  readonly footer: Footer;
  /** What a reader must know before believing a row. */
  readonly notes: readonly string[];
}

/** What a table needs beside the runs' results. */
export interface Evidence {
  /** Every evaluation of a run, by its path; without them there is no time to target. */
  readonly evaluations?: ReadonlyMap<string, readonly EvalMetrics[]>;
  readonly checks?: StudyChecks | undefined;
  /** Compare runs of different training code all the same. */
  readonly acceptDrift?: boolean | undefined;
}

/** The table of a plan from the runs found for it, each of which knows its arm and seed. */
export function studyTable(plan: StudyPlan, entries: readonly RunEntry[], evidence: Evidence = {}): StudyTable {
  const refused = refusals(plan, entries, evidence.acceptDrift);
  const runsOf = new Map(plan.arms.map((arm) => [arm.name, armRuns(plan, arm, entries)]));
  const comparisons = comparisonsOf(plan, runsOf, refused);
  const timesCompare = hardwareDrift(plan, entries).length === 0;
  const target = targetOf(plan, runsOf.get(protocolOf(plan).headline));
  const times = target
    ? timesOf(plan, runsOf, target, evidence, { timesCompare, refused: refused.length > 0 })
    : undefined;

  const rows = inGroups(plan).map((arm) =>
    armRow(runsOf.get(arm.name)!, {
      plan,
      reference: runsOf.get(referenceOf(plan, arm)?.name ?? ''),
      chance: chanceOf(plan),
      timesCompare,
      gradientMs: gradientMsFor(entries, evidence),
      comparison: comparisons.get(arm.name) ?? null,
      timeToTarget: times?.get(arm.name) ?? null,
      synergy:
        refused.length === 0 && arm.components.length === 1 && (arm.kind === 'without' || arm.kind === 'with')
          ? synergyOf(plan, arm.components[0]!, runsOf)
          : null,
    }),
  );
  return {
    schema: 2,
    study: plan.study,
    reference: plan.reference,
    headline: protocolOf(plan).headline,
    caption: tableCaption(plan, entries),
    refusals: refused,
    banners: gates(rows, evidence.checks),
    target: target ?? null,
    rows,
    screening: screenEffects(plan, [...runsOf.values()], refused.length > 0),
    footer: tableFooter(plan, entries, runsOf, rows, evidence.checks),
    notes: tableNotes(plan, entries, rows),
  };
}

/** By arm. The same seed trained twice is one pair, told in the footer. */
function comparisonsOf(
  plan: StudyPlan,
  runsOf: ReadonlyMap<string, ArmRuns>,
  refused: readonly string[],
): Map<string, Comparison> {
  const protocol = protocolOf(plan);
  const compared = plan.arms.flatMap((arm) => {
    const reference = referenceOf(plan, arm);
    if (!reference || arm.name === sameAgain) return [];
    const [mine, theirs] = [runsOf.get(arm.name)!, runsOf.get(reference.name)!];
    const edge = arm.tuning?.edge || reference.tuning?.edge;
    const objection = inactivity(mine, theirs) ?? (edge ? 'search edge' : null);
    const refusal = refused.length > 0 ? 'refused' : null;
    const circumstances = { chance: chanceOf(plan), objection, refused: refusal };
    return [{ arm, uncorrected: compare(mine, theirs, familyOf(arm), protocol, circumstances) }];
  });
  const done = corrected(
    compared.map(({ uncorrected }) => uncorrected),
    protocol,
  );
  return new Map(compared.map(({ arm }, i) => [arm.name, done[i]!]));
}

function timesOf(
  plan: StudyPlan,
  runsOf: ReadonlyMap<string, ArmRuns>,
  target: Target,
  { evaluations = new Map() }: Evidence,
  { timesCompare, refused }: { readonly timesCompare: boolean; readonly refused: boolean },
): Map<string, TimeToTarget | null> {
  const steps = new Map([...runsOf].map(([name, runs]) => [name, stepsToTarget(runs, target, evaluations)]));
  return new Map(
    plan.arms.map((arm) => {
      const [runs, own] = [runsOf.get(arm.name)!, steps.get(arm.name)!];
      const reference = referenceOf(plan, arm);
      const gain =
        reference && !refused
          ? speedUp(arm.name, own, { name: reference.name, steps: steps.get(reference.name)! }, protocolOf(plan).alpha)
          : null;
      const ms = completedOf(runs.entries).map(({ result }) => result.msPerStep);
      return [arm.name, timeToTarget(runs, target, own, timesCompare && ms.length > 0 ? median(ms) : null, gain)];
    }),
  );
}

/** Of forward and backward pass, where they were timed on the hardware that the runs had. */
function gradientMsFor(entries: readonly RunEntry[], { checks }: Evidence): number | undefined {
  const [run] = completedOf(entries);
  return run && checks?.gradient?.hardware === hardwareOf(run) ? checks.gradient.ms : undefined;
}

/** By the table's groups; in each the plan's order. */
const inGroups = (plan: StudyPlan): Arm[] =>
  groups.flatMap((group) => plan.arms.filter((arm) => groupOf(plan, arm) === group));
