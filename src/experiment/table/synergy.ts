/** Whether a component is worth more inside the full optimizer than alone: the number that tests a claim of synergy. */
import type { Family, StudyPlan } from '../../runs/study.ts';
import { chanceOf, failuresOf, finalTop1, type ArmRuns } from './outcomes.ts';
import { pairingProblem } from './pairing.ts';
import { familyOf, protocolOf, referenceOf } from '../study/protocol.ts';
import { mean } from '../statistics/describe.ts';
import { studentTInterval, type Interval } from '../statistics/intervals.ts';
import { synergyBySeed } from '../statistics/paired.ts';

/** (full − without) − (with − baseline), in shares of top-1. */
export interface Synergy {
  /** full, without, with, baseline. */
  readonly arms: readonly [string, string, string, string];
  readonly seeds: readonly number[];
  readonly mean: number;
  /** Student's t, at 1 − α. */
  readonly interval: Interval | null;
}

/** Of one component; null where the study does not both leave it out and add it, or the four arms are not paired. */
export function synergyOf(plan: StudyPlan, component: string, runsOf: ReadonlyMap<string, ArmRuns>): Synergy | null {
  const about = (family: Family) =>
    plan.arms.find((arm) => familyOf(arm) === family && arm.components.join() === component);
  const arms = [about('leave one out'), about('add one in')];
  const references = arms.map((arm) => arm && referenceOf(plan, arm));
  const four = [references[0], arms[0], arms[1], references[1]].map((arm) => arm && runsOf.get(arm.name));
  if (!four.every((runs) => runs !== undefined)) return null;
  const [full, without, added, baseline] = four as [ArmRuns, ArmRuns, ArmRuns, ArmRuns];
  if ([without, added, baseline].some((runs) => pairingProblem(runs, full) !== undefined)) return null;

  const failed = four.some((runs) => failuresOf(runs.entries).length > 0);
  const values = (runs: ArmRuns) => finalTop1(runs, failed ? chanceOf(plan) : undefined);
  const { seeds, differences } = synergyBySeed([values(full), values(without)], [values(added), values(baseline)]);
  if (seeds.length === 0) return null;
  return {
    arms: [full.arm.name, without.arm.name, added.arm.name, baseline.arm.name],
    seeds,
    mean: mean(differences),
    interval: studentTInterval(differences, 1 - protocolOf(plan).alpha),
  };
}
