/** The columns of the table on the page: what a cell shows, and what its column is sorted by. */
import { failuresText } from '../../experiment/notes.ts';
import type { Row } from '../../experiment/rows.ts';
import { shortNumber } from '../figures/scale.ts';
import { markup, type Markup } from '../markup.ts';
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
} from '../numbers.ts';
import { runLink } from './failures.ts';

export interface Column {
  readonly name: string;
  readonly about: string;
  /** Text stands at the left and is sorted as text; numbers at the right. */
  readonly text?: true;
  /** Long text that may take several lines. */
  readonly wrap?: true;
  readonly cell: (row: Row) => Markup | string;
  /** null: nothing there, and sorted last. */
  readonly value: (row: Row) => number | string | null;
}

export const tableColumns = (confidence: string): readonly Column[] => [
  { name: 'Arm', about: 'name of the arm', text: true, cell: ({ arm }) => arm, value: ({ arm }) => arm },
  {
    name: 'lr',
    about: 'learning rate and where it comes from',
    cell: ({ hyper }) =>
      markup`${shortNumber(hyper.lr)} <span class="soft">${hyper.source}${hyper.edge && ' ⚠ edge'}</span>`,
    value: ({ hyper }) => hyper.lr,
  },
  {
    name: 'Runs',
    about: 'completed of planned; what the others did instead',
    cell: ({ completed, planned, failures }) =>
      markup`${completed}/${planned}${completed < planned && markup` <span class="soft">${failuresText(failures)}</span>`}`,
    value: ({ completed, planned }) => completed / planned,
  },
  {
    name: 'Top-1 %',
    about: 'held-out set, last step: mean ± standard deviation over seeds',
    cell: ({ top1 }) =>
      markup`${spreadText(top1, percent)}${top1?.basis === 'intention to treat' && markup` <span class="soft">failures at chance</span>`}`,
    value: ({ top1 }) => top1?.mean ?? null,
  },
  {
    name: `Δ points [${confidence}]`,
    about: 'difference of top-1 from the reference, paired by seed, with its Student-t interval',
    cell: ({ comparison }) => {
      if (!comparison) return 'reference';
      if (comparison.mean === null) return markup`<span title="${comparison.refused ?? ''}">–</span>`;
      const text = `${points(comparison.mean)}${intervalText(comparison.interval, points)}`;
      return comparison.verdict.bold ? markup`<b>${text}</b>` : text;
    },
    value: ({ comparison }) => comparison?.mean ?? null,
  },
  {
    name: 'p (Holm)',
    about: 'exact sign-flip test, corrected for the number of arms in the group',
    cell: ({ comparison }) => probability(comparison?.pHolm ?? null),
    value: ({ comparison }) => comparison?.pHolm ?? null,
  },
  {
    name: 'Verdict',
    about: 'of the arm against its reference',
    text: true,
    wrap: true,
    cell: ({ comparison }) =>
      comparison?.verdict.bold ? markup`<b>${comparison.verdict.text}</b>` : (comparison?.verdict.text ?? missing),
    value: ({ comparison }) => comparison?.verdict.word ?? null,
  },
  {
    name: 'MDE',
    about: 'smallest difference, in points, that this many seeds find with 80 % power',
    cell: ({ comparison }) => (comparison?.mde == null ? missing : decimals(100 * comparison.mde, 2)),
    value: ({ comparison }) => comparison?.mde ?? null,
  },
  {
    name: 'against',
    about: 'the reference of the difference',
    text: true,
    cell: ({ comparison }) => comparison?.reference ?? missing,
    value: ({ comparison }) => comparison?.reference ?? null,
  },
  {
    name: 'Loss',
    about: 'held-out set, last step: mean ± standard deviation over seeds',
    cell: ({ loss }) => spreadText(loss, (x) => decimals(x, 4)),
    value: ({ loss }) => loss?.mean ?? null,
  },
  {
    name: 'Steps to target',
    about: 'median and quartiles over seeds; how many reached it',
    cell: ({ timeToTarget: time }) =>
      time
        ? markup`${compact(time.median)}${intervalText(time.quartiles, compact)} <span class="soft">${time.reached}/${time.of}</span>`
        : missing,
    value: ({ timeToTarget: time }) => time?.median ?? null,
  },
  {
    name: 'Speed-up',
    about: 'median steps to target of the reference over those of the arm',
    cell: ({ timeToTarget: time }) => {
      if (!time?.speedUp) return missing;
      const { ratio, interval } = time.speedUp;
      return `${ratioText(ratio)}${intervalText(interval, ratioText)}`;
    },
    value: ({ timeToTarget: time }) => time?.speedUp?.ratio ?? null,
  },
  {
    name: 'ms/step',
    about: 'median time of a training step; in brackets, where it was measured, the optimizer’s part',
    cell: ({ msPerStep, optimizerMs }) =>
      `${threeFigures(msPerStep)}${optimizerMs === null ? '' : ` (${threeFigures(optimizerMs)})`}`,
    value: ({ msPerStep }) => msPerStep,
  },
  {
    name: 'State ×',
    about: 'optimizer state over parameters',
    cell: ({ stateRatio }) => threeFigures(stateRatio),
    value: ({ stateRatio }) => stateRatio,
  },
  {
    name: 'Activity',
    about: 'the component’s meters, mean over the run; inactive: it did nothing',
    text: true,
    wrap: true,
    cell: ({ activityText }) => activityText ?? missing,
    value: ({ activityText }) => activityText,
  },
  {
    name: 'Synergy',
    about: 'points a component is worth inside the full optimizer beyond what it is worth alone',
    cell: ({ synergy }) => (synergy ? `${points(synergy.mean)}${intervalText(synergy.interval, points)}` : missing),
    value: ({ synergy }) => synergy?.mean ?? null,
  },
  {
    name: 'Folders',
    about: 'the runs behind the row, by seed',
    text: true,
    cell: ({ runs }) =>
      markup`${runs.map((run, i) => markup`${i > 0 && ' '}${run.state === 'planned' ? String(run.seed) : runLink(run, String(run.seed))}`)}`,
    value: ({ runs }) => runs.map(({ id }) => id).join(' '),
  },
];

const ratioText = (x: number): string => decimals(x, 2);
