/** A study's table as LaTeX: booktabs rules, siunitx columns, and notes below it. */
import { confidenceText } from '../experiment/study/protocol.ts';
import type { Row } from '../experiment/table/rows.ts';
import type { StudyTable } from '../experiment/table/table.ts';
import { failuresText } from '../experiment/table/notes.ts';
import { captionText, controlsText, legend } from './captionText.ts';
import { cells, groupReference, type Cell } from './cells.ts';

/** A `table` environment to \input; the comment above it names the packages it needs. */
export function latexTable(table: StudyTable): string {
  const { study, caption, rows, notes, banners, footer } = table;
  const columns = usedColumns(table);
  const anyBold = rows.some(({ comparison }) => comparison?.verdict.bold);
  const body = rows.flatMap((row, i) => [
    ...(row.group === rows[i - 1]?.group ? [] : [groupLine(rows, row, columns.length)]),
    `${columns.map(({ cell }) => cell(row)).join(' & ')} \\\\`,
  ]);
  const failed = rows.filter(({ completed, planned }) => completed < planned);
  const footnotes = [
    anyBold && `${dagger} significant after Holm's correction (bold).`,
    failed.length > 0 &&
      `${doubleDagger} not all runs completed: ${failed.map((row) => `\\texttt{${latex(row.arm)}} ${latex(failuresText(row.failures))}`).join('; ')}.`,
    ...[...banners, ...legend(table), controlsText(footer), ...footer.wouldChange, ...notes].map(sentence),
  ].filter((note) => note !== false);

  return `${[
    '% \\usepackage{booktabs}',
    '% \\usepackage{siunitx}',
    '\\begin{table}',
    '\\centering\\footnotesize',
    '\\setlength{\\tabcolsep}{3.5pt}',
    `\\caption{\\texttt{${latex(study)}}: ${latex(captionText(caption))}}`,
    `\\label{tab:${study.replace(/[^A-Za-z0-9.:-]+/g, '-')}}`,
    '\\smallskip',
    '\\sisetup{detect-weight=true,retain-explicit-plus=true,table-align-text-post=false}',
    `\\begin{tabular}{@{}${columns.map(({ type }) => type).join('')}@{}}`,
    '\\toprule',
    `${columns.map(({ head }) => head).join(' & ')} \\\\`,
    '\\midrule',
    ...body,
    '\\bottomrule',
    '\\end{tabular}',
    '',
    '\\smallskip',
    '\\begin{minipage}{\\linewidth}\\footnotesize',
    ...footnotes.map((note) => `${note}\\par`),
    '\\end{minipage}',
    '\\end{table}',
  ].join('\n')}\n`;
}

const dagger = '\\textsuperscript{\\dag}';
const doubleDagger = '\\textsuperscript{\\ddag}';

interface Column {
  readonly head: string;
  /** Column type of the tabular. */
  readonly type: string;
  readonly cell: (row: Row) => string;
}

/** `S[table-format=…]`: aligned at the decimal marker. */
const tableColumns = ({ rows, caption }: StudyTable): readonly Column[] => [
  { head: 'Arm', type: 'l', cell: (row) => `\\texttt{${latex(row.arm)}}${otherReference(rows, row)}` },
  {
    head: 'Runs',
    type: 'r',
    cell: (row) => `${cells.runs(row).text}${row.completed < row.planned ? doubleDagger : ''}`,
  },
  { head: '{Top-1, \\%}', type: 'S[table-format=3.2]', cell: (row) => fixed(hundred(cells.top1(row)), 2) },
  { head: '{sd}', type: 'S[table-format=2.2]', cell: ({ top1 }) => fixed(top1?.sd == null ? null : 100 * top1.sd, 2) },
  {
    head: '{Difference}',
    type: `S[table-format=+3.2,table-space-text-post=${dagger}]`,
    cell: (row) => {
      const difference = cells.difference(row);
      const text = fixed(hundred(difference), 2, true);
      return difference.bold ? `\\bfseries ${text}${dagger}` : text;
    },
  },
  {
    head: `{${latex(confidenceText(caption.protocol.alpha)).replace(' ', '\\,')} interval}`,
    type: 'r',
    cell: ({ comparison }) => intervalText(comparison?.interval ?? null),
  },
  {
    head: '{$p$ (Holm)}',
    type: 'S[table-format=<1.4]',
    cell: (row) => present(cells.p(row)).replace('<', '< '),
  },
  {
    head: 'Verdict',
    type: 'l',
    cell: (row) => bold(String(cells.verdict(row).value ?? ''), cells.verdict(row).bold),
  },
  { head: '{MDE}', type: 'S[table-format=2.2]', cell: (row) => fixed(hundred(cells.mde(row)), 2) },
  { head: '{ms/step}', type: 'S[table-format=5.1]', cell: (row) => fixed(numeric(cells.step(row)), 1) },
  { head: '{State $\\times$}', type: 'S[table-format=2.2]', cell: (row) => fixed(numeric(cells.state(row)), 2) },
];

const numeric = ({ value }: Cell): number | null => (typeof value === 'number' ? value : null);
const hundred = (cell: Cell): number | null => (typeof cell.value === 'number' ? 100 * cell.value : null);
const present = ({ value, text }: Cell): string => (value === null ? '' : text);

/** Where an arm is compared with another one than its group. */
function otherReference(rows: readonly Row[], row: Row): string {
  const reference = row.comparison?.reference;
  if (reference === undefined || reference === groupReference(rows, row.group)) return '';
  return ` vs \\texttt{${latex(reference)}}`;
}

/** Those with something in them; the first three always. */
const usedColumns = (table: StudyTable): Column[] =>
  tableColumns(table).filter(({ cell }, i) => i < 3 || table.rows.some((row) => cell(row) !== ''));

function groupLine(rows: readonly Row[], { group }: Row, width: number): string {
  const reference = groupReference(rows, group);
  const against = reference === undefined ? '' : `, against \\texttt{${latex(reference)}}`;
  const space = group === rows[0]?.group ? '' : '\\addlinespace\n';
  return `${space}\\multicolumn{${width}}{@{}l}{\\textit{${latex(group)}}${against}} \\\\`;
}

const bold = (text: string, isBold = false): string => (isBold ? `\\textbf{${text}}` : text);

const fixed = (x: number | null, digits: number, signed = false): string => {
  if (x === null) return '';
  if (!Number.isFinite(x)) return `{${Number.isNaN(x) ? 'NaN' : x > 0 ? '$\\infty$' : '$-\\infty$'}}`;
  const text = x.toFixed(digits);
  return signed && x > 0 && Number(text) !== 0 ? `+${text}` : Number(text) === 0 ? text.replace('-', '') : text;
};

const intervalText = (interval: readonly [number, number] | null): string =>
  interval ? `$[${interval.map((x) => fixed(100 * x, 2, true).replace(/[{}$]/g, '')).join(',\\,')}]$` : '';

/** With a capital and a full stop; `names in backticks` in type of a fixed width. */
const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`
    .split('`')
    .map((part, i) => (i % 2 === 1 ? `\\texttt{${latex(part)}}` : latex(part)))
    .join('');

const special: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '{': '\\{',
  '}': '\\}',
  $: '\\$',
  '&': '\\&',
  '#': '\\#',
  '%': '\\%',
  _: '\\_',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '<': '\\textless{}',
  '>': '\\textgreater{}',
  '|': '\\textbar{}',
  '"': "''",
  '−': '$-$',
  '–': '--',
  '—': '---',
  '±': '$\\pm$',
  '×': '$\\times$',
  '·': '$\\cdot$',
  '…': '\\ldots{}',
  '≤': '$\\le$',
  '≥': '$\\ge$',
  '≡': '$\\equiv$',
  '→': '$\\to$',
  '∞': '$\\infty$',
  '‖': '$\\|$',
  '√': '$\\surd$',
  Δ: '$\\Delta$',
  α: '$\\alpha$',
  β: '$\\beta$',
  δ: '$\\delta$',
  ε: '$\\varepsilon$',
  η: '$\\eta$',
  λ: '$\\lambda$',
  ρ: '$\\rho$',
  '’': "'",
  '‘': '`',
  '“': '``',
  '”': "''",
  '²': '$^2$',
  '₁': '$_1$',
  '₂': '$_2$',
};

/** Any text as LaTeX that prints it. What pdfLaTeX has no letter for is named by its code point. */
export const latex = (text: string): string =>
  [...text]
    .map((character) => {
      const known = special[character];
      if (known !== undefined) return known;
      if (/\s/.test(character)) return ' ';
      return /[\u0020-\u007e\u00a1-\u017f]/.test(character)
        ? character
        : `\\texttt{U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}}`;
    })
    .join('');
