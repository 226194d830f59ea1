/** A study's table as JSON: everything, with the id and folder of each run behind a row. */
import type { StudyTable } from '../experiment/table/table.ts';
import { toJson } from '../runs/metrics.ts';

export const jsonTable = (table: StudyTable): string => `${toJson(table, 2)}\n`;
