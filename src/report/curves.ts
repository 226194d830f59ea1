/** The logs of an arm's runs, reduced to what a figure shows: per window of steps, the mean over seeds and their range. */
import type { RunLogs } from '../runs/read.ts';
import { isWhole, type RunState } from '../runs/statuses.ts';

export interface SeedRange {
  /** The last step of the window. */
  readonly step: number;
  /** Over the seeds that have the step, each with its own mean over the window. */
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  readonly seeds: number;
}

export interface ArmCurves {
  readonly arm: string;
  /** Steps of the longest run. */
  readonly steps: number;
  /** Steps that a point of `loss` is the mean of. */
  readonly window: number;
  readonly loss: readonly SeedRange[];
  /** Held-out top-1, 0 … 1, at each evaluation. */
  readonly top1: readonly SeedRange[];
  /** Learning rate of the run that came furthest, where it bends. */
  readonly lr: readonly { readonly step: number; readonly lr: number }[];
  /** Components' meters on the steps that measured them. */
  readonly meters: Readonly<Record<string, readonly SeedRange[]>>;
  /** Runs that ended before the arm's longest, without having reached what they trained for. */
  readonly stops: readonly { readonly seed: number; readonly step: number; readonly state: RunState }[];
}

export interface LoggedRun {
  readonly seed: number;
  readonly state: RunState;
  readonly logs: RunLogs;
}

type Sample = readonly [step: number, value: number];

/** At most `points` windows over the whole run. */
export function armCurves(arm: string, runs: readonly LoggedRun[], points = 160): ArmCurves {
  const lastStep = ({ logs }: LoggedRun) => logs.steps.at(-1)?.step ?? 0;
  const steps = Math.max(0, ...runs.map(lastStep));
  const window = Math.max(1, steps / points);
  const over = (samplesOf: (logs: RunLogs) => Sample[], size: number) =>
    seedRanges(
      runs.map(({ logs }) => samplesOf(logs)),
      size,
    );
  const longest = runs.find((run) => lastStep(run) === steps);
  const meters = new Set(runs.flatMap(({ logs }) => logs.steps.flatMap((row) => Object.keys(row.meters ?? {}))));
  return {
    arm,
    steps,
    window,
    loss: over(({ steps }) => steps.map(({ step, loss }) => [step, loss]), window),
    top1: over(({ evaluations }) => evaluations.map(({ step, top1 }) => [step, top1]), 1),
    lr: bends((longest?.logs.steps ?? []).map(({ step, lr }) => ({ step, lr }))),
    meters: Object.fromEntries(
      [...meters].map((name) => [
        name,
        over(
          ({ steps }) =>
            steps.flatMap(({ step, meters }) => (meters?.[name] === undefined ? [] : [[step, meters[name]] as const])),
          window,
        ),
      ]),
    ),
    stops: runs.flatMap((run) =>
      isWhole(run.state) || lastStep(run) === 0 || lastStep(run) === steps
        ? []
        : [{ seed: run.seed, step: lastStep(run), state: run.state }],
    ),
  };
}

function seedRanges(seeds: readonly (readonly Sample[])[], size: number): SeedRange[] {
  const windows = new Map<number, { sum: number; n: number; step: number }[]>();
  seeds.forEach((samples, seed) => {
    for (const [step, value] of samples) {
      const index = Math.ceil(step / size - 1e-9);
      const cells = windows.get(index) ?? [];
      const cell = (cells[seed] ??= { sum: 0, n: 0, step });
      cell.sum += value;
      cell.n += 1;
      cell.step = step;
      windows.set(index, cells);
    }
  });
  return [...windows]
    .sort(([a], [b]) => a - b)
    .flatMap(([, cells]) => {
      const present = cells.filter(({ sum }) => Number.isFinite(sum)); // a diverged run's NaN is marked, not averaged
      if (present.length === 0) return [];
      const means = present.map(({ sum, n }) => sum / n);
      const mean = means.reduce((a, b) => a + b, 0) / means.length;
      return [
        {
          step: Math.max(...present.map(({ step }) => step)),
          mean,
          low: Math.min(...means),
          high: Math.max(...means),
          seeds: present.length,
        },
      ];
    });
}

/** The points that straight lines between them cannot do without (Douglas–Peucker, to 0.1 % of the highest rate). */
function bends(points: readonly { readonly step: number; readonly lr: number }[]): { step: number; lr: number }[] {
  const tolerance = 0.001 * points.reduce((top, { lr }) => Math.max(top, Math.abs(lr)), 0);
  const kept = new Set([0, points.length - 1]);
  const open: [number, number][] = [[0, points.length - 1]];
  for (let span = open.pop(); span; span = open.pop()) {
    const [from, to] = span;
    const [a, b] = [points[from], points[to]];
    if (!a || !b) break;
    let [worst, distance] = [-1, tolerance];
    for (let i = from + 1; i < to; i++) {
      const p = points[i] as { step: number; lr: number };
      const off = Math.abs(p.lr - (a.lr + ((p.step - a.step) / (b.step - a.step)) * (b.lr - a.lr)));
      if (off > distance) [worst, distance] = [i, off];
    }
    if (worst < 0) continue;
    kept.add(worst);
    open.push([from, worst], [worst, to]);
  }
  return points.filter((_, i) => kept.has(i)).map(({ step, lr }) => ({ step, lr }));
}
