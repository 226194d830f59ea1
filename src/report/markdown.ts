/** A study's table as Markdown. */
import { activityText } from '../experiment/activity.ts';
import type { Caption } from '../experiment/caption.ts';
import { failuresText } from '../experiment/notes.ts';
import type { Row } from '../experiment/rows.ts';
import type { StudyTable } from '../experiment/table.ts';
import { decimals, percent, points, spreadText, threeFigures } from './numbers.ts';

/** Caption, table and notes; ends with a newline. */
export function markdownTable({ study, reference, caption, rows, notes }: StudyTable): string {
  const head = ['arm', 'runs', 'top-1 %', `Δ vs ${reference}, points [95 %]`, 'loss', 'ms/step', 'state ×', 'activity'];
  const body = rows.map((row) => [
    `\`${row.arm}\``,
    runsText(row),
    spreadText(row.top1, percent),
    differenceText(row, row.arm === reference, caption.seeds.length),
    spreadText(row.loss, (x) => decimals(x, 4)),
    threeFigures(row.msPerStep),
    threeFigures(row.stateRatio),
    activityCell(
      row,
      rows.find(({ arm }) => arm === reference),
    ),
  ]);
  const lines = [
    `**${study}**: ${captionText(caption)}`,
    '',
    ...pipeTable(head, body),
    '',
    `top-1 and loss: held-out set, last step, mean ± sd over seeds. Δ: paired by seed, Student-t interval.`,
    ...(notes.length > 0 ? ['', ...notes.map((note) => `- ${note}`)] : []),
  ];
  return `${lines.join('\n')}\n`;
}

export function captionText(caption: Caption): string {
  return [
    caption.model,
    `${caption.dataset}, data ${caption.fingerprint.slice(0, 8)}`,
    `${caption.epochs} epochs, batch ${caption.batch}`,
    `seeds ${caption.seeds.join(', ')}`,
    `${caption.semantics} semantics`,
    `lr ${caption.lr} and weight decay ${caption.weightDecay} shared by all arms, not tuned for each`,
    ...caption.backends,
    ...caption.versions.map((version) => `ranger21 ${version}`),
    ...(caption.finishedAt === null ? [] : [caption.finishedAt.slice(0, 10)]),
  ].join(' · ');
}

/** `3/3`, or `1/3: 2 stuck`. */
const runsText = ({ completed, planned, failures }: Row): string =>
  `${completed}/${planned}${completed < planned ? `: ${failuresText(failures)}` : ''}`;

function differenceText({ difference }: Row, isReference: boolean, seeds: number): string {
  if (isReference) return 'reference';
  if (!difference) return '–';
  const { mean, interval, seeds: paired } = difference;
  const bounds = interval ? ` [${interval.map(points).join(', ')}]` : '';
  return `${points(mean)}${bounds}${paired.length < seeds ? ` (n=${paired.length})` : ''}`;
}

/** The meters of the component a row is about: as it acted in this arm, or in the reference that it is missing from. */
function activityCell(row: Row, reference: Row | undefined): string {
  const where = row.kind === 'without' ? reference : row;
  if (!where) return '–';
  const cells = row.components.map((component) => {
    const text = where.inactive.includes(component) ? 'inactive' : activityText(component, where.activity);
    return row.components.length > 1 && text ? `${component}: ${text}` : text;
  });
  return cells.filter(Boolean).join('; ') || '–';
}

function pipeTable(head: readonly string[], body: readonly (readonly string[])[]): string[] {
  const rows = [head, ...body].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = head.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(rows[0] ?? []), rule, ...rows.slice(1).map(line)];
}
