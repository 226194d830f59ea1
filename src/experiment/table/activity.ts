/** Whether the components that were on did anything. */
import type { Experiment } from '../../config/schema.ts';
import type { RunResult } from '../../runs/metrics.ts';
import type { Arm } from '../../runs/study.ts';
import { completedOf, type ArmRuns } from './outcomes.ts';
import { mean } from '../statistics/describe.ts';

type Activity = Readonly<Record<string, number>>;

/** Mean of each meter over the runs that have it. */
export function armActivity(results: readonly RunResult[]): Record<string, number> {
  const names = new Set(results.flatMap(({ activity }) => Object.keys(activity)));
  return Object.fromEntries(
    [...names].map((name) => [name, mean(results.flatMap(({ activity }) => activity[name] ?? []))]),
  );
}

/** The schedules, which act through the learning rate and have no meter. */
const unmetered = ['warmup', 'warmdown'];

/**
 * The components that were on and did nothing, so that leaving them out could not show: one of their meters is 0 in every
 * run (each is a share, distance or factor that is 0 only then), or, where meters were taken, they never came to act
 * (lookahead in a run shorter than its period).
 */
export function inactiveComponents(experiment: Experiment, activity: Activity): string[] {
  const measured = Object.keys(activity).length > 0;
  return Object.entries(experiment.optimizer.components).flatMap(([name, options]) => {
    if (options === false || unmetered.includes(name) || !measured) return [];
    const meters = Object.entries(activity).filter(([meter]) => meter.startsWith(`${name}/`));
    const silent = meters.length === 0 && experiment.log.meters > 0;
    return silent || meters.some(([, value]) => value === 0) ? [name] : [];
  });
}

/**
 * Why an arm cannot tell about its components: all of them were inactive, in the reference that the arm leaves them out of
 * or in the arm that adds them. Null where one acted.
 */
export function inactivity({ arm, entries }: ArmRuns, reference: ArmRuns): string | null {
  if (arm.components.length === 0 || (arm.kind !== 'without' && arm.kind !== 'with')) return null;
  const where = arm.kind === 'without' ? reference : { arm, entries };
  const activity = armActivity(completedOf(where.entries).map(({ result }) => result));
  const inactive = inactiveComponents(where.arm.experiment, activity);
  return arm.components.every((name) => inactive.includes(name)) ? `${arm.components.join(', ')} inactive` : null;
}

/** The meters of the components an arm is about: as they acted in it, or in the reference that it leaves them out of. */
export function activityCell(arm: Arm, own: Activity, reference: ArmRuns | undefined): string | null {
  if (arm.kind !== 'without' && arm.kind !== 'with') return null;
  const inReference = arm.kind === 'without';
  if (inReference && !reference) return null;
  const activity = inReference ? armActivity(completedOf(reference!.entries).map(({ result }) => result)) : own;
  const inactive = inactiveComponents((inReference ? reference!.arm : arm).experiment, activity);
  const cells = arm.components.map((component) => {
    const text = inactive.includes(component) ? 'inactive' : activityText(component, activity);
    return arm.components.length > 1 && text ? `${component}: ${text}` : text;
  });
  return cells.filter(Boolean).join('; ') || null;
}

/** Meters of one component without its name, for a cell: `clippedShare 0.031, clipFactor 0.98`. */
export const activityText = (component: string, activity: Activity): string =>
  Object.entries(activity)
    .filter(([meter]) => meter.startsWith(`${component}/`))
    .map(([meter, value]) => `${meter.slice(component.length + 1)} ${Number(value.toPrecision(3))}`)
    .join(', ');
