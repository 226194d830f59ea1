/** The columns of the tables on the page: which cells, and what they are about. */
import type { Row } from '../../experiment/table/rows.ts';
import { failedText } from '../../runs/statuses.ts';
import { cells, type Cell } from '../cells.ts';
import { markup, type Markup } from '../markup.ts';
import { runLink } from './failures.ts';

export interface Column {
  readonly name: string;
  readonly about: string;
  /** Text stands at the left and is sorted as text; numbers at the right. */
  readonly text?: true;
  /** Long text that may take several lines. */
  readonly wrap?: true;
  readonly content: (row: Row) => Markup;
  /** What it is sorted by; null: nothing there, and last. */
  readonly value: (row: Row) => number | string | null;
}

const column = (
  name: string,
  about: string,
  cell: (row: Row) => Cell,
  more: Pick<Column, 'text' | 'wrap'> = {},
): Column => ({
  ...{ name, about, ...more },
  content: (row) => shown(cell(row)),
  value: (row) => cell(row).value,
});

function shown({ text, note, bold }: Cell): Markup {
  return markup`${bold ? markup`<b>${text}</b>` : text}${note !== undefined && markup` <span class="note soft">${note}</span>`}`;
}

const arm = column('Arm', 'name of the arm', cells.arm, { text: true });

/** What a reader needs to judge an arm. */
export const tableColumns = (confidence: string): readonly Column[] => [
  arm,
  column('HP', 'learning rate and where it and the weight decay come from', cells.hyper),
  column('Runs', 'completed of planned; what the others did instead', cells.runs),
  column('Top-1 %', 'held-out set, last step: mean ± standard deviation over seeds', cells.top1),
  column('against', 'the reference of the difference', cells.reference, { text: true }),
  column(
    `Δ points [${confidence}]`,
    'difference of top-1, arm − reference, paired by seed, with its Student-t interval; n where pairs are missing',
    cells.difference,
  ),
  column('p (Holm)', 'exact sign-flip test, corrected for the number of arms in the group', cells.p),
  column('Verdict', 'of the arm against its reference', cells.verdict, { text: true, wrap: true }),
  column(
    'MDE',
    'smallest difference, in points, that the test finds with 80 % power in Holm’s first step at this deviation',
    cells.mde,
  ),
  column('Loss', 'held-out set, last step: mean ± standard deviation over seeds', cells.loss),
  column('Steps to target', 'median and quartiles over seeds; how many reached it', cells.target),
  column(
    'Speed-up',
    `median steps to target of the reference over those of the arm, ${confidence} percentile bootstrap`,
    cells.speedUp,
  ),
  column(
    'ms/step',
    'median time of a training step; in brackets, where it was measured, the optimizer’s part',
    cells.step,
  ),
  column('State ×', 'optimizer state over parameters', cells.state),
  column('lr within 0.5', 'learning rates of the line that score within half a point of the best', cells.lrWidth),
  column('Activity', 'the component’s meters, mean over the run; inactive: it did nothing', cells.activity, {
    text: true,
    wrap: true,
  }),
  column(
    'Synergy',
    'points a component is worth inside the full optimizer beyond what it is worth alone',
    cells.synergy,
  ),
  {
    name: 'Folders',
    about: 'the runs behind the row, by seed',
    text: true,
    content: ({ runs }) =>
      markup`${runs.map((run, i) => markup`${i > 0 && ' '}${run.state === 'planned' ? String(run.seed) : runLink(run, String(run.seed))}`)}`,
    value: ({ runs }) => runs.map(({ id }) => id).join(' '),
  },
];

/** Everything else that was computed. */
export const detailColumns = (confidence: string): readonly Column[] => [
  arm,
  column(
    'Failed',
    `runs that ${failedText}, of those that ended; ${confidence} Wilson interval of the share`,
    cells.failed,
  ),
  column(
    'McNemar p',
    'exact test of the seeds at which only one of the two failed: the arm here, the reference there; not corrected',
    cells.mcnemar,
  ),
  column('Completed runs', 'top-1 %, mean ± standard deviation over the runs that completed', cells.survivors),
  column(
    'Intention to treat',
    'top-1 %, mean ± standard deviation with failed runs at the accuracy of guessing',
    cells.intentionToTreat,
  ),
  column('Best evaluation', 'top-1 %, chosen on the images it is measured on: an optimistic number', cells.best),
  column('Median Δ', 'median of the paired differences, points', cells.median),
  column('sd of Δ', 'standard deviation of the paired differences, points', cells.sd),
  column(
    `BCa [${confidence}]`,
    'bias-corrected and accelerated bootstrap interval of the mean difference: too narrow with few seeds',
    cells.bootstrap,
  ),
  column('d_z', 'mean difference over the standard deviation of the differences', cells.dz),
  column('Seeds won', 'share of the seeds at which the arm is better, ties half', cells.wins),
  column('p', 'exact sign-flip test before correction', cells.plainP),
  column('p (TOST)', 'two one-sided t tests of a difference beyond ±δ; not corrected over arms', cells.equivalenceP),
  column('ρ', 'correlation of arm and reference over the seeds: how much pairing saves', cells.correlation),
  column('Images to target', 'images seen by the median step to the target', cells.samples),
  column('Seconds to target', 'median step to the target at the arm’s own time of a step', cells.seconds),
  column(
    'p above target',
    'one-sided t test that the mean final top-1 is above the target, failures at chance',
    cells.exceedsP,
  ),
];
