/** Whether the components that were on did anything. */
import type { Experiment } from '../config/schema.ts';
import type { RunResult } from '../runs/metrics.ts';
import { mean } from './statistics.ts';

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
export function inactiveComponents(experiment: Experiment, activity: Readonly<Record<string, number>>): string[] {
  const measured = Object.keys(activity).length > 0;
  return Object.entries(experiment.optimizer.components).flatMap(([name, options]) => {
    if (options === false || unmetered.includes(name) || !measured) return [];
    const meters = Object.entries(activity).filter(([meter]) => meter.startsWith(`${name}/`));
    const silent = meters.length === 0 && experiment.log.meters > 0;
    return silent || meters.some(([, value]) => value === 0) ? [name] : [];
  });
}

/** Meters of one component without its name, for a cell: `clippedShare 0.031, clipFactor 0.98`. */
export const activityText = (component: string, activity: Readonly<Record<string, number>>): string =>
  Object.entries(activity)
    .filter(([meter]) => meter.startsWith(`${component}/`))
    .map(([meter, value]) => `${meter.slice(component.length + 1)} ${Number(value.toPrecision(3))}`)
    .join(', ');
