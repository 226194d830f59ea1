/** The table of a study's folder in every format, and a line that counts its runs. */
import { studyTable } from '../experiment/table.ts';
import { csvTable } from '../report/csv.ts';
import { jsonTable } from '../report/json.ts';
import { markdownTable } from '../report/markdown.ts';
import { listStudy } from '../runs/list.ts';
import { readPlan } from '../runs/study.ts';

export async function tableOf(
  root: string,
  dir: string,
): Promise<{ texts: Record<'md' | 'csv' | 'json', string>; summary: string; unreadable: number }> {
  const entries = await listStudy(root, dir);
  const table = studyTable(await readPlan(dir), entries);
  const states = new Map<string, number>();
  for (const { state } of entries) states.set(state, (states.get(state) ?? 0) + 1);
  return {
    texts: { md: markdownTable(table), csv: csvTable(table), json: jsonTable(table) },
    summary: [...states].map(([state, n]) => `${n} ${state}`).join(', '),
    unreadable: states.get('unreadable') ?? 0,
  };
}
