/** A study's table as Markdown. */
import { confidenceText } from '../experiment/study/protocol.ts';
import type { Row } from '../experiment/table/rows.ts';
import type { StudyTable } from '../experiment/table/table.ts';
import { captionText, controlsText, legend } from './captionText.ts';
import { cells, groupReference, pointsText, type Cell } from './cells.ts';
import { missing, probability } from './numbers.ts';

/** Caption, banners, table, footer and notes; ends with a newline. */
export function markdownTable(table: StudyTable): string {
  const { study, caption, banners, rows, footer, notes } = table;
  const lines = [
    `**${study}**: ${captionText(caption)}`,
    '',
    ...banners.flatMap((line) => [`> **${line}**`, '']),
    ...pipeTable(...core(table)),
    '',
    ...screeningTable(table),
    ...legend(table).flatMap((line) => [line, '']),
    controlsText(footer),
    '',
    `Runs: ${rows.flatMap(({ arm, sameAs }) => (sameAs === undefined ? [`[${arm}](${arm}/)`] : [])).join(', ')}`,
    ...list('What would change this', footer.wouldChange),
    ...list('Notes', notes),
  ];
  return `${lines.join('\n')}\n`;
}

const list = (title: string, items: readonly string[]): string[] =>
  items.length === 0 ? [] : ['', `${title}:`, '', ...items.map((item) => `- ${item}`)];

type Column = readonly [head: string, cell: (row: Row, heading: string | undefined) => string];

/** The columns of the table, those that are empty in every row left out. */
const columns = (confidence: string): readonly Column[] => [
  ['arm', (row) => `\`${cells.arm(row).text}\`${noteText(cells.arm(row))}`],
  ['HP', (row) => `${cells.hyper(row).note} ${cells.hyper(row).text}`],
  ['n ok/N', (row) => [cells.runs(row).text, cells.runs(row).note].filter(Boolean).join(': ')],
  ['val top-1 %', (row) => cells.top1(row).text],
  [`Δ vs ref [${confidence}]`, differenceText],
  ['p (Holm)', plain(cells.p)],
  ['verdict', (row) => boldText(cells.verdict(row))],
  ['MDE', plain(cells.mde)],
  ['val loss', plain(cells.loss)],
  ['steps→target', plain(cells.target)],
  ['speed-up', plain(cells.speedUp)],
  ['ms/step (optimizer)', plain(cells.step)],
  ['state ×', plain(cells.state)],
  ['lr within 0.5', plain(cells.lrWidth)],
  ['activity', plain(cells.activity)],
  ['synergy', plain(cells.synergy)],
];

const plain =
  (cell: (row: Row) => Cell) =>
  (row: Row): string => {
    const { text, note } = cell(row);
    return note === undefined ? text : `${text} ${note}`;
  };

const noteText = ({ note }: Cell): string => (note === undefined ? '' : ` (${note})`);
const boldText = ({ text, bold }: Cell): string => (bold ? `**${text}**` : text);

function core(table: StudyTable): [string[], string[][]] {
  const { rows } = table;
  const all = columns(confidenceText(table.caption.protocol.alpha));
  const body = rows.map((row) => all.map(([, cell]) => cell(row, groupReference(rows, row.group))));
  const used = all.map((_, i) => i < 4 || body.some((texts) => texts[i] !== missing));
  const shown = (texts: readonly string[]) => texts.filter((_, i) => used[i]);
  const grouped = rows.flatMap((row, i) => {
    const first = rows[i - 1]?.group !== row.group;
    return [...(first ? [shown([groupText(rows, row.group), ...all.slice(1).map(() => '')])] : []), shown(body[i]!)];
  });
  return [shown(all.map(([name]) => name)), grouped];
}

function groupText(rows: readonly Row[], group: string): string {
  const reference = groupReference(rows, group);
  return reference === undefined ? `*${group}*` : `*${group}*, vs \`${reference}\``;
}

function differenceText(row: Row, heading: string | undefined): string {
  const { value, text } = cells.difference(row);
  const reference = cells.reference(row).text;
  if (value === null) return missing;
  return `${text}${noteText(cells.difference(row))}${reference === heading ? '' : ` vs \`${reference}\``}`;
}

/** Main effects of a screening design. */
function screeningTable({ screening, caption }: StudyTable): string[] {
  if (screening.length === 0) return [];
  const body = screening.map(({ component, mean, interval, pHolm, verdict, aliases }) => [
    `\`${component}\``,
    mean === null ? missing : pointsText(mean, interval),
    probability(pHolm),
    verdict.bold ? `**${verdict.text}**` : verdict.text,
    aliases.length === 0 ? 'none' : `${aliases.length} interactions`,
  ]);
  const effect = `effect of on − off [${confidenceText(caption.protocol.alpha)}]`;
  return [...pipeTable(['component', effect, 'p (Holm)', 'verdict', 'mixed with'], body), ''];
}

function pipeTable(head: readonly string[], body: readonly (readonly string[])[]): string[] {
  const rows = [head, ...body].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = head.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(rows[0] ?? []), rule, ...rows.slice(1).map(line)];
}
