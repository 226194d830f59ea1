/** Results of a study → one canonical table, which every renderer prints. Failures are rows' facts, never left out. */
import type { StudyChecks } from '../../runs/checks.ts';
import type { RunEntry } from '../../runs/list.ts';
import type { EvalMetrics } from '../../runs/metrics.ts';
import type { Arm, StudyPlan } from '../../runs/study.ts';
import { inactivity } from './activity.ts';
import { tableCaption, type Caption } from './caption.ts';
import { compare, corrected, type Comparison } from './comparison.ts';
import { gates, tableFooter, type Footer } from './footer.ts';
import { tableNotes } from './notes.ts';
import { armRuns, chanceOf, completedOf, type ArmRuns } from './outcomes.ts';
import { familyOf, groupOf, groups, protocolOf, referenceOf, sameAgain } from '../study/protocol.ts';
import { hardwareDrift, hardwareOf } from './refusals.ts';
import { armRow, type Row } from './rows.ts';
import { screenEffects, type ScreenEffect } from './screening.ts';
import { median } from '../statistics/describe.ts';
import { synergyOf } from './synergy.ts';
import { speedUp, stepsToTarget, targetOf, timeToTarget, type Target, type TimeToTarget } from './timeToTarget.ts';

export interface StudyTable {
  readonly schema: 3;
  readonly study: string;
  /** The full optimizer, which arms without components are compared with. */
  readonly reference: string;
  /** The arm the full optimizer is compared with. */
  readonly headline: string;
  readonly caption: Caption;
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
}

/** The table of a plan from the runs found for it, each of which knows its arm and seed; `refusals` says first whether they make one. */
export function studyTable(plan: StudyPlan, entries: readonly RunEntry[], evidence: Evidence = {}): StudyTable {
  const runsOf = new Map(plan.arms.map((arm) => [arm.name, armRuns(plan, arm, entries)]));
  const comparisons = comparisonsOf(plan, runsOf);
  const timesCompare = hardwareDrift(plan, entries).length === 0;
  const target = targetOf(plan, runsOf.get(protocolOf(plan).headline));
  const times = target ? timesOf(plan, runsOf, target, evidence, timesCompare) : undefined;
  const gradientMs = gradientMsFor(entries, evidence);

  const rows = inGroups(plan).map((arm) =>
    armRow(runsOf.get(arm.name)!, {
      plan,
      reference: runsOf.get(referenceOf(plan, arm)?.name ?? ''),
      chance: chanceOf(plan),
      timesCompare,
      gradientMs,
      comparison: comparisons.get(arm.name) ?? null,
      timeToTarget: times?.get(arm.name) ?? null,
      synergy: isOfOneComponent(arm) ? synergyOf(plan, arm.components[0]!, runsOf) : null,
    }),
  );
  return {
    schema: 3,
    study: plan.study,
    reference: plan.reference,
    headline: protocolOf(plan).headline,
    caption: tableCaption(plan, entries),
    banners: gates(rows, evidence.checks),
    target: target ?? null,
    rows,
    screening: screenEffects(plan, [...runsOf.values()]),
    footer: tableFooter(plan, entries, runsOf, rows, evidence.checks),
    notes: tableNotes(plan, entries, rows, gradientMs),
  };
}

/** Leaves one component out of the full optimizer, or adds one to a baseline: not a rung of a ladder. */
const isOfOneComponent = (arm: Arm): boolean =>
  arm.components.length === 1 && ['leave one out', 'add one in'].includes(familyOf(arm));

/** By arm. The same seed trained twice is one pair, told in the footer. */
function comparisonsOf(plan: StudyPlan, runsOf: ReadonlyMap<string, ArmRuns>): Map<string, Comparison> {
  const protocol = protocolOf(plan);
  const compared = plan.arms.flatMap((arm) => {
    const reference = referenceOf(plan, arm);
    if (!reference || arm.name === sameAgain) return [];
    const [mine, theirs] = [runsOf.get(arm.name)!, runsOf.get(reference.name)!];
    const edge = arm.tuning?.edge || reference.tuning?.edge;
    const objection = inactivity(mine, theirs) ?? (edge ? 'search edge' : null);
    const circumstances = { chance: chanceOf(plan), objection };
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
  timesCompare: boolean,
): Map<string, TimeToTarget | null> {
  const steps = new Map([...runsOf].map(([name, runs]) => [name, stepsToTarget(runs, target, evaluations)]));
  return new Map(
    plan.arms.map((arm) => {
      const [runs, own] = [runsOf.get(arm.name)!, steps.get(arm.name)!];
      const reference = referenceOf(plan, arm);
      const gain =
        reference &&
        speedUp(arm.name, own, { name: reference.name, steps: steps.get(reference.name)! }, protocolOf(plan).alpha);
      const ms = completedOf(runs.entries).map(({ result }) => result.msPerStep);
      const msPerStep = timesCompare && ms.length > 0 ? median(ms) : null;
      const beside = { msPerStep, speedUp: gain ?? null, chance: chanceOf(plan) };
      return [arm.name, timeToTarget(runs, target, own, beside)];
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
