/** The report of a study's folder. */
import { armCurves } from '../report/curves.ts';
import { curvesIn, curvesText, type KeptCurves } from '../report/keptCurves.ts';
import { studyReport } from '../report/studyReport.ts';
import { listStudy, type RunEntry } from '../runs/list.ts';
import { readLogs } from '../runs/read.ts';
import { readCurves } from '../runs/report.ts';
import { readPlan } from '../runs/study.ts';
import { readLedger } from '../runs/tuning.ts';
import { tableOf } from './tableOf.ts';

/** Page, figures and the content of `curves.json`. Reads an arm at a time: the logs of all runs may not fit in memory. */
export async function reportOf(
  root: string,
  dir: string,
  options: { readonly acceptDrift?: boolean | undefined } = {},
): Promise<ReturnType<typeof studyReport> & { readonly curves: string }> {
  const { table } = await tableOf(root, dir, options);
  const [plan, entries, kept, ledger] = await Promise.all([
    readPlan(dir),
    listStudy(root, dir),
    readCurves(dir),
    readLedger(dir),
  ]);
  const before = kept && curvesIn(kept.value, kept.path);
  const all: KeptCurves[] = [];
  for (const { name, sameAs } of plan.arms) {
    if (sameAs !== undefined) continue; // its runs are drawn as another arm's
    const planned = new Set(plan.runs.filter(({ arm }) => arm === name).map(({ id }) => id));
    const own = entries.filter(({ arm, id, state }) => arm === name && planned.has(id) && state !== 'unreadable');
    all.push(await curvesOf(name, own, before?.get(name)));
  }
  const curves = all.map((each) => each.curves);
  return { ...studyReport(plan, table, curves, ledger), curves: curvesText(all) };
}

/** Of the logs; or those that were kept of the same runs, where one of them has none any more. */
async function curvesOf(arm: string, entries: readonly RunEntry[], kept: KeptCurves | undefined): Promise<KeptCurves> {
  const logged = await Promise.all(
    entries.map(async ({ dir, seed = 0, state, result }) => ({ seed, state, result, logs: await readLogs(dir) })),
  );
  const finished = logged.flatMap(({ result, logs }) => (result ? [{ id: result.id, steps: logs.steps.length }] : []));
  const runs = finished.map(({ id }) => id);
  const isSame = kept !== undefined && kept.runs.join() === runs.join();
  if (isSame && finished.some(({ steps }) => steps === 0)) return kept;
  return { runs, curves: armCurves(arm, logged) };
}
