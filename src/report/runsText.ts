/** Runs as lines for a terminal. */
import type { RunEntry } from '../runs/list.ts';
import { columns } from './columns.ts';
import { decimals, percent, threeFigures } from './numbers.ts';

/** One line a run; those without a result show why where the numbers would be. */
export function runsText(entries: readonly RunEntry[]): string {
  const head = ['run', 'status', 'seed', 'top-1 %', 'loss', 'epochs', 'ms/step', 'backend', 'changed', 'reason'];
  const rows = entries.map(({ path, state, seed, result, updatedAt, reason, attempts }) => [
    path,
    attempts > 0 ? `${state} (attempt ${attempts + 1})` : state,
    seed === undefined ? '' : String(seed),
    result ? percent(result.last.top1) : '',
    result ? decimals(result.last.loss, 4) : '',
    result ? threeFigures(result.epochs) : '',
    result ? threeFigures(result.msPerStep) : '',
    result?.backend.name ?? '',
    updatedAt === undefined ? '' : updatedAt.slice(0, 16).replace('T', ' '),
    (reason ?? '').split('\n')[0] ?? '',
  ]);
  const used = head.map((_, i) => i < 2 || rows.some((row) => row[i] !== ''));
  const shown = [head, ...rows].map((row) => row.filter((_, i) => used[i]));
  const numeric = ['seed', 'top-1 %', 'loss', 'epochs', 'ms/step'];
  return columns(
    shown,
    (shown[0] ?? []).flatMap((name, i) => (numeric.includes(name) ? [i] : [])),
  );
}
