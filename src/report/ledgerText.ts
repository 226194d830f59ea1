/** The ledger of a search as text: for a terminal, and as CSV. */
import { byScore } from '../experiment/search/ledger.ts';
import type { ArmRecord, Ledger, TrialRecord } from '../runs/tuning.ts';
import { columns } from './columns.ts';
import { decimals, missing, percent } from './numbers.ts';

/** Every trial, the best first, with what its hyperparameters were and what became of each seed. */
export function trialsText({ trials, arms, search }: Ledger): string {
  const keys = [...new Set(trials.flatMap(({ values }) => Object.keys(values)))];
  const severalArms = arms.length > 1;
  const head = [
    '',
    ...(severalArms ? ['arm'] : []),
    'trial',
    'held-out top-1',
    ...search.seeds.map((seed) => `seed ${seed}`),
    'loss',
    ...keys,
  ];
  const rows = [...trials]
    .sort(byScore)
    .map((trial) => [
      trial.isBest ? '*' : '',
      ...(severalArms ? [trial.arm] : []),
      trial.trial,
      trial.score === null ? missing : percent(trial.score),
      ...trial.runs.map(({ top1, state }) => (top1 === null ? state : percent(top1))),
      decimals(trial.loss, 4),
      ...keys.map((key) => String(trial.values[key] ?? missing)),
    ]);
  const first = severalArms ? 3 : 2;
  return columns(
    [head, ...rows],
    Array.from({ length: search.seeds.length + 2 + keys.length }, (_, i) => first + i),
  );
}

/** What the search of an arm came to, in a sentence. */
export function armText({
  arm,
  best,
  budget,
  finished,
  failed,
  score,
  values,
  edges,
  lrRange,
  steps,
}: ArmRecord): string {
  const cost = `${finished} of ${budget} trials${failed > 0 ? `, ${failed} of them without a run that trained` : ''}, ${steps} steps`;
  if (best === null) return `${arm}: ${cost}`;
  const settings = Object.entries(values).map(([key, value]) => `${key} ${value}`);
  const ends = edges.map(({ key, end }) => `${key} at the ${end} edge of what was searched`);
  return [
    `${arm}: ${cost}; best ${best} with ${percent(score!)} %: ${settings.join(', ')}`,
    ...(lrRange ? [`as good within half a point from lr ${lrRange[0]} to ${lrRange[1]}`] : []),
    ...ends,
  ].join('; ');
}

/** A line a run (RFC 4180): every number in full, shares 0 … 1, absent values empty. */
export function ledgerCsv({ study, trials }: Ledger): string {
  const keys = [...new Set(trials.flatMap(({ values }) => Object.keys(values)))];
  const head = [
    'study',
    'arm',
    'trial',
    'by',
    ...keys,
    'status',
    'score',
    'mean_loss',
    'best',
    'seed',
    'state',
    'top1',
    'loss',
    'steps',
    'run',
  ];
  const rows = trials.flatMap((trial) => runRows(study, trial, keys));
  return [head, ...rows].map((row) => `${row.map((cell) => quoted(String(cell ?? ''))).join(',')}\r\n`).join('');
}

const runRows = (
  study: string,
  { arm, trial, by, values, status, score, loss, isBest, runs }: TrialRecord,
  keys: readonly string[],
) =>
  runs.map((run) => [
    study,
    arm,
    trial,
    by,
    ...keys.map((key) => values[key]),
    status,
    score,
    loss,
    isBest,
    run.seed,
    run.state,
    run.top1,
    run.loss,
    run.steps,
    run.id,
  ]);

const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
