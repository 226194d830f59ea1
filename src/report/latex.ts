/** A study's table as LaTeX: booktabs rules, siunitx columns, and notes below it. */
import type { Row } from '../experiment/rows.ts';
import type { StudyTable } from '../experiment/table.ts';
import { failuresText } from '../experiment/notes.ts';
import { captionText, controlsText, legend } from './captionText.ts';
import { probability } from './numbers.ts';

/** A `table` environment to \input; the comment above it names the packages it needs. */
export function latexTable(table: StudyTable): string {
  const { study, caption, rows, notes, banners, refusals, footer } = table;
  const columns = usedColumns(table);
  const anyBold = rows.some(({ comparison }) => comparison?.verdict.bold);
  const body = rows.flatMap((row, i) => [
    ...(row.group === rows[i - 1]?.group ? [] : [groupLine(row.group, columns.length, i === 0)]),
    `${columns.map(({ cell }) => cell(row)).join(' & ')} \\\\`,
  ]);
  const failed = rows.filter(({ completed, planned }) => completed < planned);
  const footnotes = [
    anyBold && `${dagger} significant after Holm's correction (bold).`,
    failed.length > 0 &&
      `${doubleDagger} not all runs completed: ${failed.map((row) => `\\texttt{${latex(row.arm)}} ${latex(failuresText(row.failures))}`).join('; ')}.`,
    ...[...refusals, ...banners, ...legend(table), controlsText(footer), ...footer.wouldChange, ...notes].map(sentence),
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
const tableColumns = (confidence: string): readonly Column[] => [
  { head: 'Arm', type: 'l', cell: ({ arm }) => `\\texttt{${latex(arm)}}` },
  {
    head: 'Runs',
    type: 'r',
    cell: ({ completed, planned }) => `${completed}/${planned}${completed < planned ? doubleDagger : ''}`,
  },
  { head: '{Top-1, \\%}', type: 'S[table-format=3.2]', cell: ({ top1 }) => fixed(top1 && 100 * top1.mean, 2) },
  { head: '{sd}', type: 'S[table-format=2.2]', cell: ({ top1 }) => fixed(top1?.sd == null ? null : 100 * top1.sd, 2) },
  {
    head: '{Difference}',
    type: `S[table-format=+3.2,table-space-text-post=${dagger}]`,
    cell: ({ comparison }) => {
      const text = fixed(comparison?.mean == null ? null : 100 * comparison.mean, 2, true);
      return comparison?.verdict.bold ? `\\bfseries ${text}${dagger}` : text;
    },
  },
  {
    head: `{${confidence}\\,\\% interval}`,
    type: 'r',
    cell: ({ comparison }) => intervalText(comparison?.interval ?? null),
  },
  {
    head: '{$p$ (Holm)}',
    type: 'S[table-format=<1.4]',
    cell: ({ comparison }) => (comparison?.pHolm == null ? '' : probability(comparison.pHolm).replace('<', '< ')),
  },
  {
    head: 'Verdict',
    type: 'l',
    cell: ({ comparison }) => bold(comparison?.verdict.word ?? '', comparison?.verdict.bold),
  },
  {
    head: '{MDE}',
    type: 'S[table-format=2.2]',
    cell: ({ comparison }) => fixed(comparison?.mde == null ? null : 100 * comparison.mde, 2),
  },
  { head: '{ms/step}', type: 'S[table-format=5.1]', cell: ({ msPerStep }) => fixed(msPerStep, 1) },
  { head: '{State $\\times$}', type: 'S[table-format=2.2]', cell: ({ stateRatio }) => fixed(stateRatio, 2) },
];

/** Those with something in them; the first three always. */
const usedColumns = ({ rows, caption }: StudyTable): Column[] =>
  tableColumns(String(Number((100 * (1 - caption.protocol.alpha)).toPrecision(4)))).filter(
    ({ cell }, i) => i < 3 || rows.some((row) => cell(row) !== ''),
  );

const groupLine = (group: string, width: number, first: boolean): string =>
  `${first ? '' : '\\addlinespace\n'}\\multicolumn{${width}}{@{}l}{\\textit{${latex(group)}}} \\\\`;

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
