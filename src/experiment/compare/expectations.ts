/** Whether runs of a config gave what it says they do. */
import { expectedMetrics, type Expect } from '../../config/expect.ts';
import type { RunResult } from '../../runs/metrics.ts';
import { isWhole } from '../../runs/statuses.ts';
import { mean } from '../statistics/describe.ts';
import { studentTInterval, type Interval } from '../statistics/intervals.ts';

type Metric = (typeof expectedMetrics)[number];

export interface Expectation {
  readonly metric: Metric;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** Of each run; null where it has none, as after a divergence. */
  readonly observed: readonly { readonly seed: number; readonly value: number | null; readonly met: boolean }[];
  readonly n: number;
  readonly mean: number | null;
  /** Student's t, 95 %; null where the runs allow none. */
  readonly interval: Interval | null;
  /** Whether every run is within the bounds; null without runs. */
  readonly met: boolean | null;
}

const values: Readonly<Record<Metric, (result: RunResult) => number | undefined>> = {
  testTop1: ({ last }) => last.top1,
  bestTop1: ({ best }) => best.top1,
  testTop5: ({ last }) => last.top5,
  testLoss: ({ last }) => last.loss,
};

/**
 * The bounds hold for every run, not for their mean: the block says what one `run` of the config gives, and that must not
 * depend on how many others there are. A run that did not complete meets none.
 */
export function expectations(expect: Expect, results: readonly RunResult[]): Expectation[] {
  return expectedMetrics.flatMap((metric) => {
    const bounds = expect[metric];
    if (!bounds) return [];
    const { atLeast = -Infinity, atMost = Infinity } = bounds;
    const observed = results.map((result) => {
      const value = values[metric](result) ?? NaN;
      const met = isWhole(result.status) && value >= atLeast && value <= atMost;
      return { seed: result.seed, value: Number.isFinite(value) ? value : null, met };
    });
    const finite = observed.flatMap(({ value }) => value ?? []);
    const isAll = finite.length === observed.length && finite.length > 0;
    return [
      {
        metric,
        ...(bounds.atLeast !== undefined && { atLeast: bounds.atLeast }),
        ...(bounds.atMost !== undefined && { atMost: bounds.atMost }),
        observed,
        n: observed.length,
        mean: isAll ? mean(finite) : null,
        interval: isAll ? studentTInterval(finite) : null,
        met: observed.length === 0 ? null : observed.every(({ met }) => met),
      },
    ];
  });
}
