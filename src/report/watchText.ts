/** A study under way, for a terminal. */
import type { Estimated, StudyView } from '../experiment/study/eta.ts';
import type { ViewState } from '../runs/follow.ts';
import { shortStatuses } from '../runs/statuses.ts';
import { columns } from './columns.ts';
import { decimals, percent, threeFigures } from './numbers.ts';

/** What wants attention first. */
const order: readonly ViewState[] = [
  ...(['running', 'dead', 'failed', 'unreadable', 'stopped'] as const),
  ...shortStatuses,
  ...(['done', 'queued'] as const),
];

/** `75 → 1m15s`. */
type Duration = (seconds: number) => string;

const timeLeft = (remaining: number | undefined, duration: Duration): string =>
  remaining === undefined ? '?' : duration(remaining);

/** The study in one line: how many runs of each state, and the time left. */
export function watchSummary(name: string, { runs, remaining, hasEnded }: StudyView, duration: Duration): string {
  const isTraining = runs.some(({ state }) => state === 'running');
  const eta = isTraining ? `ETA ${timeLeft(remaining, duration)}, ` : ''; // first, so that a narrow terminal has it
  const idle = hasEnded || isTraining ? '' : '; no process is training it';
  return `${name}: ${eta}${runs.length} runs, ${counts(runs)}${idle}`;
}

function counts(runs: readonly Estimated[]): string {
  const number = (state: ViewState) => runs.filter((run) => run.state === state).length;
  return order.flatMap((state) => (number(state) > 0 ? [`${number(state)} ${state}`] : [])).join(', ');
}

/** The summary and a table of at most `height` lines in all, none longer than `width`; runs that do not fit are counted. */
export function watchFrame(
  name: string,
  view: StudyView,
  { duration, width = Infinity, height = Infinity }: { duration: Duration; width?: number; height?: number },
): string[] {
  const room = Math.max(1, height - 2);
  const fits = view.runs.length <= room;
  const byState = [...view.runs].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  const shown = fits ? view.runs : byState.slice(0, room - 1);
  const rest = fits ? [] : byState.slice(room - 1);
  const table = columns([head, ...shown.map((run) => cells(run, duration))], [2, 3, 4, 5, 6, 7]).split('\n');
  const more = rest.length > 0 ? [`… and ${rest.length} more: ${counts(rest)}`] : [];
  return [watchSummary(name, view, duration), ...table, ...more].map((line) => line.slice(0, width));
}

const head = ['run', 'state', 'step', 'ETA', 'epoch', 'loss', 'top-1 %', 'images/s', ''];

function cells(run: Estimated, duration: Duration): string[] {
  const { arm, seed, state, step, totalSteps, epoch, epochs, loss, top1, imagesPerSecond, remaining, reason } = run;
  return [
    `${arm} seed ${seed}`,
    state,
    `${step}/${totalSteps ?? '?'}`,
    state === 'running' ? timeLeft(remaining, duration) : '',
    `${epoch.toFixed(1)}/${epochs}`,
    loss === undefined ? '' : decimals(loss, 4),
    top1 === undefined ? '' : percent(top1),
    imagesPerSecond === undefined || state === 'queued' ? '' : threeFigures(imagesPerSecond),
    (reason ?? '').split('\n')[0]!,
  ];
}

/** One run in one line, for a log. */
export function watchLine(run: Estimated, duration: Duration): string {
  const { arm, seed, state, step, totalSteps, epoch, loss, top1, imagesPerSecond, remaining, reason } = run;
  return [
    `${arm} seed ${seed}: ${state}`,
    ...(step > 0 ? [`step ${step}/${totalSteps ?? '?'}`, `epoch ${epoch.toFixed(1)}`] : []),
    ...(loss === undefined ? [] : [`loss ${decimals(loss, 4)}`]),
    ...(top1 === undefined ? [] : [`top-1 ${percent(top1)} %`]),
    ...(imagesPerSecond === undefined || state !== 'running' ? [] : [`${threeFigures(imagesPerSecond)} images/s`]),
    ...(state === 'running' ? [`ETA ${timeLeft(remaining, duration)}`] : []),
    ...(reason === undefined ? [] : [reason.split('\n')[0]!]),
  ].join('  ');
}
