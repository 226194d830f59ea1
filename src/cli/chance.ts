/** The accuracy of guessing on the data of some runs. */
import { dirname } from 'node:path';
import { chanceOf } from '../experiment/table/outcomes.ts';
import type { RunEntry } from '../runs/list.ts';
import { hasPlan, readPlan } from '../runs/study.ts';

/** Undefined where they are not all of studies that agree about it. */
export async function chanceIn(entries: readonly RunEntry[]): Promise<number | undefined> {
  const studies = [...new Set(entries.map(({ dir }) => dirname(dirname(dir))))];
  if (!studies.every(hasPlan)) return undefined;
  const known = await Promise.all(studies.map(async (dir) => chanceOf(await readPlan(dir))));
  return new Set(known).size === 1 ? known[0] : undefined;
}
