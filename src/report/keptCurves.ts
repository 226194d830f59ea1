/**
 * The curves of a study as `curves.json` keeps them beside its report, so that the report can be made again where the logs of the
 * steps, a hundred times as large, were not kept. Each arm names the runs its curves are of.
 */
import { toJson } from '../runs/metrics.ts';
import type { Shape } from '../runs/shape.ts';
import { checked } from '../runs/shapes.ts';
import type { ArmCurves } from './curves.ts';

export interface KeptCurves {
  /** Ids of the finished runs. */
  readonly runs: readonly string[];
  readonly curves: ArmCurves;
}

const range: Shape = { step: 'count', mean: 'number', low: 'number', high: 'number', seeds: 'count' };
const shape: Shape = {
  schema: new Set([1]),
  arms: [
    {
      runs: ['text'],
      arm: 'text',
      steps: 'count',
      window: 'number',
      loss: [range],
      top1: [range],
      lr: [{ step: 'count', lr: 'number' }],
      meters: [{ meter: 'text', points: [range] }],
      stops: [{ seed: 'count', step: 'count', state: 'text' }],
    },
  ],
};

type Flat = Omit<ArmCurves, 'meters'> & {
  readonly runs: readonly string[];
  readonly meters: readonly { readonly meter: string; readonly points: ArmCurves['loss'] }[];
};

/** One line an arm. */
export function curvesText(kept: readonly KeptCurves[]): string {
  const lines = kept.map(({ runs, curves: { meters, ...rest } }): string => {
    const flat: Flat = { runs, ...rest, meters: Object.entries(meters).map(([meter, points]) => ({ meter, points })) };
    return toJson(flat);
  });
  return `{"schema":1,"arms":[\n${lines.join(',\n')}\n]}\n`;
}

/** By arm; a UserError names the file where it is not as it was written. */
export function curvesIn(value: unknown, path: string): Map<string, KeptCurves> {
  const { arms } = checked(value, shape, path) as { readonly arms: readonly Flat[] };
  return new Map(
    arms.map(({ runs, meters, ...rest }) => [
      rest.arm,
      { runs, curves: { ...rest, meters: Object.fromEntries(meters.map(({ meter, points }) => [meter, points])) } },
    ]),
  );
}
