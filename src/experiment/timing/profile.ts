/** Where the time of a training step goes: what its parts take, in the real training loop. */
import type { Experiment } from '../../config/schema.ts';
import type { Dataset } from '../../data/dataset.ts';
import { UserError } from '../../errors.ts';
import { listen, type Part, type Span } from '../../spans.ts';
import { execute, type Engine, type ExecuteOptions } from '../execute.ts';
import { withFirstSteps } from '../firstSteps.ts';
import { gradientStep, trainStep } from '../step.ts';
import { planFor } from '../train.ts';

/** Steps before those that count: the first compile what they need, and find more than one batch ready. */
export const WARM_UP = 5;
const ROUNDS = 8;

/** Means over the steps, in milliseconds. */
export interface Profile {
  readonly schema: 1;
  readonly name: string;
  readonly backend: string;
  readonly batch: number;
  readonly steps: number;
  readonly stepMs: number;
  /** What the loop goes through one after the other; they add up to the step. */
  readonly loop: Readonly<Record<'wait' | 'transfer' | 'compute' | 'readBack' | 'rest', number>>;
  /**
   * What the fastest step takes beyond the fastest forward and backward pass alone: a difference, since one program does all.
   * Lookahead's merges are not in it. Null where whole steps were the faster ones: the machine was too busy to tell.
   */
  readonly optimizerMs: number | null;
  /** What is done for later batches meanwhile, summed over the threads that do it. */
  readonly meanwhile: Readonly<Record<'order' | 'read' | 'decode' | 'augment', number>>;
  /** Who does that. */
  readonly threads: readonly string[];
}

/** Trains the first steps in `dir`, without evaluations and checkpoints, and listens. Undefined where `signal` ended it before. */
export async function profile(
  experiment: Experiment,
  dataset: Dataset,
  dir: string,
  engine: Engine,
  {
    steps,
    signal,
    onStep,
    ...around
  }: { steps: number; signal: AbortSignal } & Pick<ExecuteOptions, 'onStep' | 'tell'>,
): Promise<{ profile: Profile; spans: readonly Span[] } | undefined> {
  const plan = planFor(experiment, dataset);
  const last = Math.min(WARM_UP + steps, plan.totalSteps - 1);
  if (last <= WARM_UP) {
    throw new UserError(`a training of ${plan.totalSteps} steps is too short: ${WARM_UP} of them do not count`, {
      remedy: 'set train.epochs to more',
    });
  }
  const quiet: Experiment = {
    ...experiment,
    eval: { ...experiment.eval, every: `${plan.totalSteps} steps` },
    checkpoint: { ...experiment.checkpoint, every: `${plan.totalSteps} steps` },
  };
  const enough = new AbortController();
  const spans: Span[] = [];
  const stopListening = listen((span) => spans.push(span));
  try {
    await execute(quiet, dataset, dir, engine, {
      ...around,
      signal: AbortSignal.any([signal, enough.signal]),
      onStep: (metrics, of) => {
        onStep?.(metrics, of);
        if (metrics.step >= last) enough.abort();
      },
    });
  } finally {
    stopListening();
  }
  if (signal.aborted) return undefined;
  const optimizerMs = await optimizerTime(experiment, dataset, engine);
  const { name, train } = experiment;
  const of = { name, backend: `${engine.record.name} (${engine.record.detail})`, batch: train.batch, optimizerMs };
  return { profile: summed(spans, of), spans };
}

/** What the fastest of some whole steps takes beyond the fastest forward and backward pass alone, taken in turns; null for nothing. */
const optimizerTime = (
  { train, ...experiment }: Experiment,
  dataset: Dataset,
  engine: Engine,
): Promise<number | null> =>
  withFirstSteps(planFor({ train, ...experiment }, dataset), dataset, engine, async ({ plan, session, inputs }) => {
    const { model, optimizer } = plan;
    const { labelSmoothing } = train;
    const whole = trainStep(model, optimizer, { labelSmoothing, meters: false });
    const step = await session.compile('step', whole, inputs.specs);
    const gradient = await session.compile('gradient', gradientStep(model, labelSmoothing), inputs.specs);
    const given = await inputs.of(1);
    const fastest = { step: Infinity, gradient: Infinity };
    for (let round = 0; round < 2 + ROUNDS; round++) {
      for (const [key, run] of Object.entries({ step, gradient })) {
        const start = performance.now();
        await run(given);
        const ms = performance.now() - start;
        if (round >= 2) fastest[key as keyof typeof fastest] = Math.min(fastest[key as keyof typeof fastest], ms);
      }
    }
    return fastest.step > fastest.gradient ? fastest.step - fastest.gradient : null;
  });

const calls = ['transfer', 'compute', 'read back'] as const;
const later = ['order', 'read', 'decode', 'augment'] as const;

/** Adds up what was heard; the first turns do not count. */
export function summed(
  spans: readonly Span[],
  about: Pick<Profile, 'name' | 'backend' | 'batch' | 'optimizerMs'>,
): Profile {
  const turns = spans.filter(({ part }) => part === 'turn').slice(WARM_UP);
  const within = (turn: Span) => spans.filter(({ start }) => start >= turn.start && start < turn.end);
  const ofTurns = turns.map(within);
  const msOf = (heard: readonly Span[], ...parts: readonly Part[]) =>
    heard.reduce((ms, { part, start, end }) => ms + (parts.includes(part) ? end - start : 0), 0);
  const perStep = (...parts: readonly Part[]) => msOf(ofTurns.flat(), ...parts) / turns.length;

  const [stepMs, wait, rest] = [perStep('turn'), perStep('wait'), perStep('turn') - perStep('wait', ...calls)];
  const [first, last] = [turns[0]!, turns.at(-1)!];
  const meanwhile = spans.filter(({ start, end }) => end > first.start && start < last.end);
  return {
    schema: 1,
    ...about,
    steps: turns.length,
    stepMs,
    loop: { wait, transfer: perStep('transfer'), compute: perStep('compute'), readBack: perStep('read back'), rest },
    meanwhile: Object.fromEntries(
      later.map((part) => [part, msOf(meanwhile, part) / turns.length]),
    ) as Profile['meanwhile'],
    threads: [...new Set(spans.flatMap(({ part, thread }) => (part === 'augment' ? [thread] : [])))].sort(),
  };
}

/**
 * The spans for chrome://tracing and Perfetto: complete events in microseconds from the first, a row a thread.
 *
 * Reference: Trace Event Format, https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
 */
export function chromeTrace(spans: readonly Span[]): object {
  const threads = [...new Set(spans.map(({ thread }) => thread))];
  const first = Math.min(...spans.map(({ start }) => start));
  const place = { pid: 1, cat: 'step' };
  return {
    displayTimeUnit: 'ms',
    traceEvents: [
      ...threads.map((name, tid) => ({ ph: 'M', name: 'thread_name', pid: 1, tid, args: { name } })),
      ...spans.map(({ part, thread, start, end }) => ({
        ...{ ph: 'X', name: part, ...place, tid: threads.indexOf(thread) },
        ...{ ts: 1000 * (start - first), dur: 1000 * (end - start) },
      })),
    ],
  };
}
