/** A study's table as Markdown. */
import { failuresText } from '../experiment/notes.ts';
import type { Row } from '../experiment/rows.ts';
import type { StudyTable } from '../experiment/table.ts';
import { captionText, controlsText, legend } from './captionText.ts';
import {
  compact,
  decimals,
  intervalText,
  missing,
  percent,
  points,
  probability,
  spreadText,
  threeFigures,
} from './numbers.ts';

/** Caption, banners, table, footer and notes; ends with a newline. */
export function markdownTable(table: StudyTable): string {
  const { study, caption, refusals, banners, rows, footer, notes } = table;
  const lines = [
    `**${study}**: ${captionText(caption)}`,
    '',
    ...[...refusals.map((line) => `refused: ${line}`), ...banners].flatMap((line) => [`> **${line}**`, '']),
    ...pipeTable(...core(rows)),
    '',
    ...screeningTable(table),
    ...legend(table).flatMap((line) => [line, '']),
    controlsText(footer),
    '',
    `Runs: ${rows.map(({ arm }) => `[${arm}](${arm}/)`).join(', ')}`,
    ...list('What would change this', footer.wouldChange),
    ...list('Notes', notes),
  ];
  return `${lines.join('\n')}\n`;
}

const list = (title: string, items: readonly string[]): string[] =>
  items.length === 0 ? [] : ['', `${title}:`, '', ...items.map((item) => `- ${item}`)];

/** The columns of the table, those that are empty in every row left out. */
const columns: readonly (readonly [string, (row: Row, heading: string | undefined) => string])[] = [
  ['arm', ({ arm }) => `\`${arm}\``],
  ['HP', ({ hyper }) => `${hyper.source} ${hyper.lr}${hyper.edge ? ' ⚠ edge' : ''}`],
  ['n ok/N', runsText],
  ['val top-1 %', ({ top1 }) => spreadText(top1, percent)],
  ['Δ vs ref [95 %]', differenceText],
  ['p (Holm)', ({ comparison }) => probability(comparison?.pHolm ?? null)],
  ['verdict', ({ comparison }) => verdictText(comparison)],
  ['MDE', ({ comparison }) => decimals(comparison?.mde && 100 * comparison.mde, 2)],
  ['val loss', ({ loss }) => spreadText(loss, (x) => decimals(x, 4))],
  ['steps→target', targetText],
  ['speed-up', ({ timeToTarget }) => speedUpText(timeToTarget?.speedUp)],
  ['ms/step (optimizer)', ({ msPerStep, optimizerMs }) => stepText(msPerStep, optimizerMs)],
  ['state ×', ({ stateRatio }) => threeFigures(stateRatio)],
  ['activity', ({ activityText }) => activityText ?? missing],
  [
    'synergy',
    ({ synergy }) => (synergy ? `${points(synergy.mean)}${intervalText(synergy.interval, points)}` : missing),
  ],
];

function core(rows: readonly Row[]): [string[], string[][]] {
  const body = rows.map((row) => columns.map(([, cell]) => cell(row, headingReference(rows, row.group))));
  const used = columns.map((_, i) => i < 4 || body.some((cells) => cells[i] !== missing));
  const shown = (cells: readonly string[]) => cells.filter((_, i) => used[i]);
  const grouped = rows.flatMap((row, i) => {
    const first = rows[i - 1]?.group !== row.group;
    return [
      ...(first ? [shown([groupText(rows, row.group), ...columns.slice(1).map(() => '')])] : []),
      shown(body[i]!),
    ];
  });
  return [shown(columns.map(([name]) => name)), grouped];
}

/** What most rows of a group are compared with: its heading says so, and only the others repeat it. */
function headingReference(rows: readonly Row[], group: string): string | undefined {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const reference = row.group === group ? row.comparison?.reference : undefined;
    if (reference !== undefined) counts.set(reference, (counts.get(reference) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}

function groupText(rows: readonly Row[], group: string): string {
  const reference = headingReference(rows, group);
  return reference === undefined ? `*${group}*` : `*${group}*, vs \`${reference}\``;
}

/** `3/3`, or `1/3: 2 stuck`. */
function runsText({ completed, planned, failures }: Row): string {
  return `${completed}/${planned}${completed < planned ? `: ${failuresText(failures)}` : ''}`;
}

function differenceText({ comparison, planned }: Row, heading: string | undefined): string {
  if (!comparison || comparison.mean === null) return missing;
  const { mean, interval, seeds, reference } = comparison;
  const fewer = seeds.length < planned ? ` (n=${seeds.length})` : '';
  return `${points(mean)}${intervalText(interval, points)}${fewer}${reference === heading ? '' : ` vs \`${reference}\``}`;
}

const verdictText = (comparison: Row['comparison']): string => {
  if (!comparison) return missing;
  const { bold, text } = comparison.verdict;
  return bold ? `**${text}**` : text;
};

/** `41.2k [40.8k, 41.9k] 10/10` */
function targetText({ timeToTarget }: Row): string {
  if (!timeToTarget) return missing;
  const { median, quartiles, reached, of } = timeToTarget;
  return `${compact(median)}${intervalText(quartiles, compact)} ${reached}/${of}`;
}

/** `212 (38)` */
const stepText = (ms: number | null, optimizer: number | null): string =>
  ms === null || optimizer === null ? threeFigures(ms) : `${threeFigures(ms)} (${threeFigures(optimizer)})`;

type SpeedUp = NonNullable<NonNullable<Row['timeToTarget']>['speedUp']>;

const speedUpText = (speedUp: SpeedUp | null | undefined): string =>
  speedUp ? `${decimals(speedUp.ratio, 2)}${intervalText(speedUp.interval, (x) => decimals(x, 2))}` : missing;

/** Main effects of a screening design. */
function screeningTable({ screening }: StudyTable): string[] {
  if (screening.length === 0) return [];
  const body = screening.map(({ component, mean, interval, pHolm, verdict, aliases }) => [
    `\`${component}\``,
    mean === null ? missing : `${points(mean)}${intervalText(interval, points)}`,
    probability(pHolm),
    verdict.bold ? `**${verdict.text}**` : verdict.text,
    aliases.length === 0 ? 'none' : `${aliases.length} interactions`,
  ]);
  return [...pipeTable(['component', 'effect of on − off [95 %]', 'p (Holm)', 'verdict', 'mixed with'], body), ''];
}

function pipeTable(head: readonly string[], body: readonly (readonly string[])[]): string[] {
  const rows = [head, ...body].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = head.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(rows[0] ?? []), rule, ...rows.slice(1).map(line)];
}
