/** The learning rate of a whole run, known before anything is trained or read. */
import type { Experiment } from '../config/schema.ts';
import { datasets } from '../data/registry.ts';
import { UserError } from '../errors.ts';
import { learningRate, milestones, runProblems } from '../optim/schedule.ts';

export interface SchedulePreview {
  readonly name: string;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  /** The configured rate, η. */
  readonly peak: number;
  /** The first step at the full rate; absent without warm-up. */
  readonly warmupEnd?: number;
  /** The first step at a lowered rate; absent without warm-down. */
  readonly warmdownStart?: number;
  /** The highest rate of any step: below the peak where warm-up and warm-down leave no step at it. */
  readonly highest: number;
  /** The rate of the last step. */
  readonly floor: number;
  /** The rate of step t, from 1. */
  readonly lr: (t: number) => number;
  readonly warnings: readonly string[];
}

/** `images`: how many training images there are, where the data set cannot tell before it is read. */
export function schedulePreview(experiment: Experiment, images?: number): SchedulePreview {
  const { name, optimizer, train } = experiment;
  const run = { epochs: train.epochs, stepsPerEpoch: stepsPerEpoch(experiment, images) };
  const { total, warmupEnd, warmdownStart } = milestones(optimizer, run);
  const lr = learningRate(optimizer, run);
  let highest = 0;
  for (let t = 1; t <= total; t++) highest = Math.max(highest, lr(t));
  const problems = runProblems(optimizer, run).map(({ message }) => message);
  return {
    name,
    ...run,
    totalSteps: total,
    peak: optimizer.lr,
    ...(warmupEnd > 0 && { warmupEnd }),
    ...(warmdownStart !== undefined && { warmdownStart }),
    highest,
    floor: lr(total),
    lr,
    warnings: [...surprises(optimizer, total, highest, warmdownStart), ...problems],
  };
}

/** A warning, and the arms it is about; none where it is about all. */
export interface ScheduleWarning {
  readonly message: string;
  readonly arms: readonly string[];
}

/** What may surprise in the schedules of these arms on so many training images, each once. */
export function scheduleWarnings(
  arms: readonly { readonly name: string; readonly experiment: Experiment }[],
  images: number,
): ScheduleWarning[] {
  const concerned = new Map<string, string[]>();
  for (const { name, experiment } of arms) {
    for (const message of schedulePreview(experiment, images).warnings) {
      concerned.set(message, [...(concerned.get(message) ?? []), name]);
    }
  }
  return [...concerned].map(([message, names]) => ({ message, arms: names.length === arms.length ? [] : names }));
}

function stepsPerEpoch({ dataset, train }: Experiment, images?: number): number {
  const count = images ?? datasets[dataset.name].facts(dataset).train;
  if (count === undefined) {
    throw new UserError(`how many training images ${dataset.name} has is not known before it is read`, {
      remedy: 'say it: --images 1281167, or dataset.train',
    });
  }
  if (count >= train.batch) return Math.floor(count / train.batch); // a last partial batch is dropped
  throw new UserError(`a batch of ${train.batch} is larger than the ${count} training images`, {
    remedy: 'lower train.batch',
  });
}

/** Whether the highest rate is the peak, up to rounding. */
export const isReached = (highest: number, peak: number): boolean => highest >= peak * (1 - 1e-9);

/** What may surprise in a run of this many steps; the rules are in the doc comments of warm-up and warm-down. */
function* surprises(
  { lr, core, components }: Experiment['optimizer'],
  total: number,
  highest: number,
  start: number | undefined,
): Generator<string> {
  const { warmup, warmdown } = components;
  const count = (n: number) => n.toLocaleString('en-US');
  if (warmup && warmup.steps === null) {
    const untuned = Math.ceil(2 / (1 - core.beta2));
    const share = `${Number((100 * warmup.share).toPrecision(3))} %`;
    const short = Math.trunc(warmup.share * total);
    const steps = `${count(untuned)} steps, 2/(1 − β₂),`;
    if (short < 1) yield `no warm-up: ${share} of ${count(total)} ${total === 1 ? 'step' : 'steps'} is less than one`;
    else if (untuned > 0.45 * total) {
      yield `short run: a warm-up of ${steps} does not fit ${count(total)}; it takes ${share} of them, ${count(short)}`;
    } else if (short < untuned) {
      const followed = warmup.rule === 'threshold' ? 'reference code, as here' : 'reference code';
      const other = warmup.rule === 'threshold' ? 'paper' : 'paper, as here';
      yield `warm-up of ${count(total)} steps: ${steps} in the ${followed}, and ${count(short)} in the ${other}`;
    }
  }
  if (start !== undefined && !isReached(highest, lr)) {
    yield `no step has the full rate ${lr}: it falls from step ${start} of ${count(total)} on, and the highest is ${Number(highest.toPrecision(6))}`;
  }
  if (warmdown && warmdown.minLr > lr) {
    const outcome = {
      capped: `the rate stays at ${lr} to the end`,
      literal: `warm-down raises the rate to ${warmdown.minLr}`,
      none: `warm-down raises the rate to ${warmdown.minLr}`,
    };
    yield `lr ${lr} is below the floor of warm-down, minLr ${warmdown.minLr}: ${outcome[warmdown.floor]}`;
  }
}
