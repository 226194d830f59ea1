/** The accuracy of guessing on the data of some runs. */
import { dirname } from 'node:path';
import { chanceOf } from '../experiment/table/outcomes.ts';
import type { RunEntry } from '../runs/list.ts';
import { hasPlan, readPlan } from '../runs/study.ts';

/** What their studies' plans say, or the results of runs outside studies; undefined where one says nothing, or they do not agree. */
export async function chanceIn(entries: readonly RunEntry[]): Promise<number | undefined> {
  const plans = new Map<string, number | undefined>();
  for (const study of new Set(entries.map(studyOf))) {
    if (hasPlan(study)) plans.set(study, chanceOf(await readPlan(study)));
  }
  const known = new Set(
    entries
      .filter((entry) => entry.result || plans.has(studyOf(entry)))
      .map((entry) => (plans.has(studyOf(entry)) ? plans.get(studyOf(entry)) : entry.result?.chance?.top1)),
  );
  return known.size === 1 ? [...known][0] : undefined;
}

const studyOf = ({ dir }: RunEntry): string => dirname(dirname(dir));
