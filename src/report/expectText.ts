/** Whether expectations were met, in a line each. */
import type { Expectation } from '../experiment/compare/expectations.ts';
import { decimals } from './numbers.ts';

/** `testTop1 ≥ 0.97: met by all 3 runs, 0.9806 … 0.9861, mean 0.9824 [0.9746, 0.9903]`. */
export function expectationLine({ metric, atLeast, atMost, observed, n, mean, interval, met }: Expectation): string {
  const bounds = [...(atLeast === undefined ? [] : [`≥ ${atLeast}`]), ...(atMost === undefined ? [] : [`≤ ${atMost}`])];
  const expected = `${metric} ${bounds.join(' and ')}`;
  if (met === null) return `${expected}: no run`;
  if (n === 1)
    return `${expected}: ${met ? 'met' : 'NOT MET'}, ${shown(observed[0]!.value)} (seed ${observed[0]!.seed})`;
  const inside = observed.filter((run) => run.met).length;
  const seen = observed.flatMap(({ value }) => value ?? []);
  const range = seen.length === 0 ? '' : `, ${shown(Math.min(...seen))} … ${shown(Math.max(...seen))}`;
  const centre = mean === null ? '' : `, mean ${shown(mean)}`;
  const spread = interval ? ` [95 % t ${interval.map((x) => decimals(x, 4)).join(', ')}]` : '';
  return `${expected}: ${met ? `met by all ${n} runs` : `NOT MET, ${inside} of ${n} runs within`}${range}${centre}${spread}`;
}

const shown = (value: number | null): string => (value === null ? 'no value' : value.toFixed(4));
