/** The report of a study's folder. */
import { armCurves, type ArmCurves } from '../report/curves.ts';
import { studyReport } from '../report/studyReport.ts';
import { listStudy } from '../runs/list.ts';
import { readLogs } from '../runs/read.ts';
import { readPlan } from '../runs/study.ts';
import { tableOf } from './tableOf.ts';

/** Reads an arm at a time and keeps its curves: the logs of all runs may not fit in memory. */
export async function reportOf(
  root: string,
  dir: string,
  options: { readonly acceptDrift?: boolean | undefined } = {},
): Promise<ReturnType<typeof studyReport>> {
  const { table } = await tableOf(root, dir, options);
  const [plan, entries] = await Promise.all([readPlan(dir), listStudy(root, dir)]);
  const curves: ArmCurves[] = [];
  for (const { name } of plan.arms) {
    const planned = new Set(plan.runs.filter(({ arm }) => arm === name).map(({ id }) => id));
    const own = entries.filter(({ arm, id, state }) => arm === name && planned.has(id) && state !== 'unreadable');
    const logged = own.map(async ({ dir, seed = 0, state }) => ({ seed, state, logs: await readLogs(dir) }));
    curves.push(armCurves(name, await Promise.all(logged)));
  }
  return studyReport(plan, table, curves);
}
