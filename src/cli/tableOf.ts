/** The table of a study's folder in every format, and a line that counts its runs. */
import { isFailure, isCompleted } from '../experiment/table/outcomes.ts';
import { refusals } from '../experiment/table/refusals.ts';
import { studyTable, type StudyTable } from '../experiment/table/table.ts';
import { exitCode, UserError } from '../errors.ts';
import { csvTable } from '../report/csv.ts';
import { jsonTable } from '../report/json.ts';
import { latexTable } from '../report/latex.ts';
import { markdownTable } from '../report/markdown.ts';
import { readChecks } from '../runs/checks.ts';
import { listStudy, type RunEntry } from '../runs/list.ts';
import { readEvaluations } from '../runs/read.ts';
import { readPlan } from '../runs/study.ts';

/** How the table is written, by the extension of its file. */
const renderers = { md: markdownTable, csv: csvTable, json: jsonTable, tex: latexTable } as const;
export type TableFormat = keyof typeof renderers;
export const tableFormats = Object.keys(renderers) as TableFormat[];

/**
 * Refuses runs that may not stand in one table: other data, lengths, batches or precision, and training code that changed
 * between them unless `acceptDrift`.
 */
export async function tableOf(
  root: string,
  dir: string,
  { acceptDrift }: { readonly acceptDrift?: boolean | undefined } = {},
): Promise<{ table: StudyTable; texts: Record<TableFormat, string>; summary: string; unreadable: number }> {
  const [plan, entries, checks] = await Promise.all([readPlan(dir), listStudy(root, dir), readChecks(dir)]);
  const refused = refusals(plan, entries, acceptDrift);
  if (refused.length > 0) throw refusal(plan.study, refused);
  const evaluations = await evaluationsOf(entries);
  const table = studyTable(plan, entries, { evaluations, checks });
  const states = new Map<string, number>();
  for (const { state } of entries) states.set(state, (states.get(state) ?? 0) + 1);
  return {
    table,
    texts: Object.fromEntries(tableFormats.map((format) => [format, renderers[format](table)])) as Record<
      TableFormat,
      string
    >,
    summary: [...states].map(([state, n]) => `${n} ${state}`).join(', '),
    unreadable: states.get('unreadable') ?? 0,
  };
}

async function evaluationsOf(entries: readonly RunEntry[]) {
  const ended = entries.filter((entry) => isCompleted(entry) || isFailure(entry));
  return new Map(await Promise.all(ended.map(async ({ path, dir }) => [path, await readEvaluations(dir)] as const)));
}

function refusal(study: string, lines: readonly string[]): UserError {
  const codeAlone = lines.every((line) => line.startsWith('training code'));
  return new UserError(`the runs of ${study} make no table\n${lines.map((line) => `  ${line}`).join('\n')}`, {
    remedy: codeAlone
      ? 'train the older runs again, or compare them all the same with --accept-drift'
      : 'train these runs again as the plan says, or make two studies of them',
    code: exitCode.checkFailed,
  });
}
