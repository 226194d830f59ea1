/** What differs between two runs, for a terminal. */
import type { LogDifference, NumberPair, Pair, RunDifference } from '../experiment/compare/runDifference.ts';
import { columns } from './columns.ts';
import { shown } from './comparisonText.ts';
import { missing } from './numbers.ts';

/** More keys than this are counted, not listed. */
const LISTED = 12;

export function differenceText({ config, facts, beside, metrics, evaluations, equal }: RunDifference): string {
  return [
    pairTable('config', config) ?? 'config: the same',
    pairTable('run', facts) ?? 'status, data, code, engine and weights: the same',
    logText('metrics.jsonl', metrics),
    logText('evals.jsonl', evaluations),
    pairTable('besides, counted as no difference', beside),
    equal ? 'equal' : 'different',
  ]
    .filter((part) => part !== undefined)
    .join('\n\n');
}

function pairTable(title: string, pairs: readonly Pair[]): string | undefined {
  if (pairs.length === 0) return undefined;
  return columns([[title, 'a', 'b'], ...pairs.map(({ key, a, b }) => [key, short(a), short(b)])]);
}

/** A hash by its first digits, anything else as it is. */
const short = (value: unknown): string =>
  typeof value === 'string' && /^[0-9a-f]{40,64}$/.test(value) ? `${value.slice(0, 12)}…` : shown(value);

function logText(file: string, { lines: [a, b], first, largest }: LogDifference): string {
  const steps = (n: number) => `${n} ${n === 1 ? 'step' : 'steps'}`;
  const lengths = a === b ? steps(a) : `${a} and ${steps(b)}`;
  if (first === null) return `${file}: equal in every number of ${lengths}`;
  const where =
    first.keys.length === 0 ? `only one of them has step ${first.step}` : `first different at step ${first.step}`;
  const parts = [`${file}: ${lengths}, ${where}`];
  if (first.keys.length > 0) parts.push(numberTable(`at step ${first.step}`, first.keys, []));
  if (largest.length > 0) parts.push(numberTable('largest difference', largest, ['step']));
  return parts.join('\n');
}

function numberTable(
  title: string,
  pairs: readonly (NumberPair & { readonly step?: number })[],
  more: readonly string[],
): string {
  const rows = pairs
    .slice(0, LISTED)
    .map(({ key, a, b, difference, step }) => [
      `  ${key}`,
      ...[a, b].map((x) => (x === undefined ? missing : String(x))),
      difference === undefined ? missing : difference.toExponential(2),
      ...(more.length > 0 ? [String(step)] : []),
    ]);
  const rest = pairs.length > LISTED ? `\n  … and ${pairs.length - LISTED} more` : '';
  return columns([[`  ${title}`, 'a', 'b', '|a − b|', ...more], ...rows], [1, 2, 3, 4]) + rest;
}
