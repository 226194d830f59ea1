/** Tells before training what may surprise in the learning rate, on as many images as the data set really has. */
import type { Experiment } from '../config/schema.ts';
import { scheduleWarnings } from '../experiment/schedule.ts';

export function tellSchedule(
  arms: readonly { readonly name: string; readonly experiment: Experiment }[],
  images: number,
): void {
  for (const warning of scheduleWarnings(arms, images)) {
    const others = arms.filter(({ name }) => !warning.arms.includes(name)).map(({ name }) => name);
    const isMost = others.length < warning.arms.length;
    const which = isMost ? ` (all arms but ${others.join(', ')})` : ` (${warning.arms.join(', ')})`;
    console.error(`warning: ${warning.message}${warning.arms.length === 0 ? '' : which}`);
  }
}
