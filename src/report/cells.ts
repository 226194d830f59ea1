/** What stands in the cells of a table, whatever it is printed as. */
import { failuresText } from '../experiment/table/notes.ts';
import type { Row } from '../experiment/table/rows.ts';
import type { Interval } from '../experiment/statistics/intervals.ts';
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

export interface Cell {
  readonly text: string;
  /** Beside the text, and less important. */
  readonly note?: string | undefined;
  /** Only what is significant. */
  readonly bold?: boolean;
  /** What the text says in one number or word, to sort by and to print in full; null where there is nothing. */
  readonly value: number | string | null;
}

const cell = (value: Cell['value'], text: string, note?: string): Cell =>
  value === null ? { value, text: missing, note } : { value, text, note };

/** A cell where there is something to make it from. */
const of = <T>(there: T | null | undefined, make: (x: T) => Cell): Cell =>
  there === null || there === undefined ? { value: null, text: missing } : make(there);

const spreadOf = (spread: Row['survivors'], text: (x: number) => string, note?: string): Cell =>
  of(spread, (it) => cell(it.mean, spreadText(it, text), note));

const number = (x: number | null | undefined, text: (x: number) => string): Cell => of(x, (it) => cell(it, text(it)));

export const pointsText = (mean: number, interval: Interval | null): string =>
  `${points(mean)}${intervalText(interval, points)}`;

const pointsOf = (x: { readonly mean: number | null; readonly interval: Interval | null } | null | undefined): Cell =>
  of(x?.mean, (mean) => cell(mean, pointsText(mean, x!.interval)));

/** By the name of the column. */
export const cells = {
  arm: ({ arm, sameAs }) => cell(arm, arm, sameAs && `runs of ${sameAs}`),
  hyper: ({ hyper }) => cell(hyper.lr, `${hyper.lr}${hyper.edge ? ' ⚠ edge' : ''}`, hyper.source),
  runs: ({ completed, planned, failures }) =>
    cell(completed / planned, `${completed}/${planned}`, completed < planned ? failuresText(failures) : undefined),
  top1: ({ top1 }) => spreadOf(top1, percent, top1?.basis === 'intention to treat' ? 'failures at chance' : undefined),
  reference: ({ comparison }) => of(comparison, ({ reference }) => cell(reference, reference)),
  /** With the number of pairs where it is not all of the planned ones. */
  difference: ({ comparison, planned }) =>
    of(comparison, (it) => {
      const { seeds, verdict } = it;
      const fewer = seeds.length < planned ? `n=${seeds.length}` : undefined;
      return { ...pointsOf(it), ...(it.mean !== null && { note: fewer }), bold: verdict.bold };
    }),
  p: ({ comparison }) => number(comparison?.pHolm, probability),
  verdict: ({ comparison }) =>
    of(comparison, ({ verdict }) => ({ ...cell(verdict.word, verdict.text), bold: verdict.bold })),
  mde: ({ comparison }) => number(comparison?.mde, (mde) => decimals(100 * mde, 2)),
  loss: ({ loss }) => spreadOf(loss, (x) => decimals(x, 4)),
  /** `41.2k [40.8k, 41.9k]`, 10/10; an end that was not reached is open. */
  target: ({ timeToTarget }) =>
    of(timeToTarget, ({ median, quartiles, reached, of: all }) =>
      Number.isFinite(median)
        ? cell(median, `${compact(median)}${openInterval(quartiles, compact)}`, `${reached}/${all}`)
        : cell(median, 'not reached', `${reached}/${all}`),
    ),
  speedUp: ({ timeToTarget }) =>
    of(timeToTarget?.speedUp, ({ ratio, interval, onlyBy }) =>
      ratio === null
        ? cell(onlyBy === 'arm' ? Infinity : 0, `only the ${onlyBy}`)
        : cell(ratio, `${decimals(ratio, 2)}${interval ? openInterval(interval, (x) => decimals(x, 2)) : ''}`),
    ),
  /** `212 (38)`: the optimizer's part of it. */
  step: ({ msPerStep, optimizerMs }) =>
    of(msPerStep, (ms) =>
      cell(ms, `${threeFigures(ms)}${optimizerMs === null ? '' : ` (${threeFigures(optimizerMs)})`}`),
    ),
  state: ({ stateRatio }) => number(stateRatio, threeFigures),
  lrWidth: ({ hyper }) =>
    of(hyper.lrRange, ([low, high]) => cell(high / low, `${threeFigures(low)} … ${threeFigures(high)}`)),
  activity: ({ activityText }) => of(activityText, (text) => cell(text, text)),
  synergy: ({ synergy }) => pointsOf(synergy),
  failed: ({ failureShare }) =>
    of(failureShare, ({ failed, of: all, interval }) =>
      cell(failed / all, `${failed}/${all}`, `[${interval.map((x) => decimals(100 * x, 0)).join(', ')}] %`),
    ),
  mcnemar: ({ comparison }) =>
    of(comparison?.mcnemar, ({ p, armOnly, referenceOnly }) =>
      cell(p, probability(p), `${armOnly} here, ${referenceOnly} there`),
    ),
  survivors: ({ survivors }) => spreadOf(survivors, percent),
  intentionToTreat: ({ intentionToTreat }) => spreadOf(intentionToTreat, percent),
  best: ({ bestTop1 }) => spreadOf(bestTop1, percent),
  median: ({ comparison }) => number(comparison?.median, points),
  bootstrap: ({ comparison }) =>
    of(comparison?.bootstrap, (ends) => cell(ends[0], intervalText(ends, points).trimStart())),
  sd: ({ comparison }) => number(comparison?.sd, (sd) => decimals(100 * sd, 2)),
  dz: ({ comparison }) => number(comparison?.dz, (dz) => decimals(dz, 2)),
  wins: ({ comparison }) => number(comparison?.winShare, (share) => `${decimals(100 * share, 0)} %`),
  plainP: ({ comparison }) => number(comparison?.p, probability),
  equivalenceP: ({ comparison }) => number(comparison?.equivalenceP, probability),
  correlation: ({ comparison }) => number(comparison?.correlation, (r) => decimals(r, 2)),
  samples: ({ timeToTarget }) => number(finite(timeToTarget?.medianSamples), compact),
  seconds: ({ timeToTarget }) => number(finite(timeToTarget?.medianSeconds), threeFigures),
  exceedsP: ({ timeToTarget }) => number(timeToTarget?.exceedsP, probability),
} as const satisfies Readonly<Record<string, (row: Row) => Cell>>;

/** What most rows of a group are compared with: its heading says so, and only the others repeat it. */
export function groupReference(rows: readonly Row[], group: string): string | undefined {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const reference = row.group === group ? row.comparison?.reference : undefined;
    if (reference !== undefined) counts.set(reference, (counts.get(reference) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}

const finite = (x: number | null | undefined): number | null => (Number.isFinite(x) ? (x as number) : null);

/** An end without a finite value, or at 0, where no median lies, is open: ` [1.33, ∞)`, ` (0, 0.75]`. */
function openInterval([low, high]: Interval, text: (x: number) => string): string {
  return ` ${low > 0 ? `[${text(low)}` : '(0'}, ${Number.isFinite(high) ? `${text(high)}]` : '∞)'}`;
}
