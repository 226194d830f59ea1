/** What the comparisons say, a sentence each. */
import type { Row } from '../../experiment/table/rows.ts';
import { markup, type Markup } from '../markup.ts';
import { cells, pointsText } from '../cells.ts';
import { decimals } from '../numbers.ts';

type Comparison = NonNullable<Row['comparison']>;

export function verdictList(rows: readonly Row[]): Markup {
  const compared = rows.flatMap((row) => (row.comparison ? [{ row, comparison: row.comparison }] : []));
  if (compared.length === 0) return markup`<p>No arm is compared with another.</p>`;
  const groups = [...new Set(compared.map(({ row }) => row.group))];
  return markup`${groups.map((group) => {
    const own = compared.filter((each) => each.row.group === group);
    return markup`<h3>${capital(group)}</h3>
<ul>${sentences(own)}</ul>
`;
  })}`;
}

interface Compared {
  readonly row: Row;
  readonly comparison: Comparison;
}

/** A sentence each; arms that are inconclusive for one and the same reason share theirs. */
function sentences(compared: readonly Compared[]): Markup[] {
  const reasons = new Map<string, Compared[]>();
  for (const each of compared) {
    const { word, text } = each.comparison.verdict;
    if (word === 'inconclusive') reasons.set(text, [...(reasons.get(text) ?? []), each]);
  }
  const shared = (verdict: Comparison['verdict']) => (reasons.get(verdict.text)?.length ?? 0) > 1;
  return [
    ...compared
      .filter(({ comparison }) => !shared(comparison.verdict))
      .map(({ row, comparison }) => sentence(row, comparison)),
    ...[...reasons.values()].filter((each) => each.length > 1).map(together),
  ];
}

const together = (compared: readonly Compared[]): Markup =>
  markup`<li>${capital((compared[0] as Compared).comparison.verdict.text)}: ${compared.map(
    ({ row, comparison: { mean, interval } }, i) =>
      markup`${i > 0 && '; '}<code>${row.arm}</code>${mean !== null && markup` <span class="soft">${pointsText(mean, interval)}</span>`}`,
  )}</li>`;

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function sentence(row: Row, comparison: Comparison): Markup {
  const claim = markup`${subject(row, comparison)} ${predicate(row, comparison)}.`;
  const { bold } = comparison.verdict;
  return markup`<li>${bold ? markup`<strong>${claim}</strong>` : claim} <span class="soft">${evidence(row)}</span></li>`;
}

const isAbout = ({ kind, components }: Row): boolean =>
  (kind === 'without' || kind === 'with') && components.length > 0;

/** What was changed, in words: a reader of `-pnm hurts` has to turn it round. */
function subject(row: Row, { reference }: Comparison): Markup {
  const names = row.components.map((name, i) => markup`${i > 0 && ' and '}<code>${name}</code>`);
  if (!isAbout(row)) return markup`<code>${row.arm}</code> against <code>${reference}</code>`;
  return row.kind === 'without'
    ? markup`Leaving ${names} out of <code>${reference}</code>`
    : markup`Adding ${names} to <code>${reference}</code>`;
}

/** The verdict's own words, and what follows from them. */
function predicate(row: Row, { verdict, mde }: Comparison): string {
  const left = isAbout(row) && row.kind === 'without';
  const one = row.components.length === 1;
  const change = (way: string) => (isAbout(row) ? `the result is ${way}` : `it is the ${way} of the two`);
  switch (verdict.word) {
    case 'hurts':
      return left
        ? `hurts: ${one ? 'it earns its place' : 'together they earn their place'}`
        : `hurts: ${change('worse')}`;
    case 'helps':
      return left
        ? `helps: ${one ? 'it costs more than it brings' : 'together they cost more than they bring'}`
        : `helps: ${change('better')}`;
    case 'no detectable effect':
      return `has no detectable effect${mde === null ? '' : `; a true one of ${decimals(100 * mde, 2)} points would be found with 80 % power`}`;
    case 'equivalent':
    case 'inconclusive':
      return `is ${verdict.text}`;
  }
}

/** `−1.40 points [−1.82, −0.98], p = 0.031 (Holm), 5 seeds` */
function evidence(row: Row): string {
  const { mean, interval, pHolm, seeds } = row.comparison!;
  if (mean === null) return '';
  const parts = [
    pointsText(mean, interval).replace(/ |$/, (gap) => ` points${gap}`),
    pHolm === null ? undefined : `p ${cells.p(row).text.replace(/^(?=\d)/, '= ')} (Holm)`,
    `${seeds.length} ${seeds.length === 1 ? 'seed' : 'seeds'}`,
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}
