/** Results of a study → one canonical table, which every renderer prints. Failures are rows' facts, never left out. */
import type { RunEntry } from '../runs/list.ts';
import type { StudyPlan } from '../runs/study.ts';
import { tableCaption, type Caption } from './caption.ts';
import { tableNotes } from './notes.ts';
import { armRow, backendsOf, type Row } from './rows.ts';

export interface StudyTable {
  readonly schema: 1;
  readonly study: string;
  readonly reference: string;
  readonly caption: Caption;
  readonly rows: readonly Row[];
  /** What a reader must know before believing a row. */
  readonly notes: readonly string[];
}

/** The table of a plan from the runs found for it, each of which knows its arm and seed. */
export function studyTable(plan: StudyPlan, entries: readonly RunEntry[]): StudyTable {
  const timesCompare = backendsOf(entries).length <= 1;
  const reference = entries.filter((entry) => entry.arm === plan.reference);
  const rows = plan.arms.map((arm) => {
    const own = plan.runs
      .filter((run) => run.arm === arm.name)
      .flatMap(({ id }) => entries.find((entry) => entry.id === id && entry.arm === arm.name) ?? []);
    return armRow(arm, own, arm.name === plan.reference ? undefined : reference, timesCompare);
  });
  return {
    schema: 1,
    study: plan.study,
    reference: plan.reference,
    caption: tableCaption(plan, entries),
    rows,
    notes: tableNotes(plan, entries, rows),
  };
}
