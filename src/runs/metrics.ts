/** What a run writes down: every column named once, and the JSON it is kept in. */
import { UserError } from '../errors.ts';
import { mismatch } from './shape.ts';
import { lineShapes } from './shapes.ts';
import type { RunStatus } from './statuses.ts';

/** What one training step computed: the same for the same run. Shares (`trainTop1`) are 0 … 1; norms are global L2 norms. */
export interface StepRow {
  readonly step: number;
  /** Fraction of the data seen so far, in epochs. */
  readonly epoch: number;
  readonly lr: number;
  /** Mean over the batch. */
  readonly loss: number;
  readonly trainTop1: number;
  readonly gradNorm: number;
  readonly paramNorm: number;
  readonly updateNorm: number;
  /** Activity of the components, `${component}/${meter}`, on the steps that measure it. */
  readonly meters?: Readonly<Record<string, number>>;
}

/** How long one training step took: never twice the same. */
export interface StepTiming {
  readonly step: number;
  readonly ms: number;
  readonly imagesPerSecond: number;
  /** Time the step waited for its batch. */
  readonly dataWaitMs: number;
}

export type StepMetrics = StepRow & StepTiming;
/** A step as read back: its timing may be lost with the process that took it. */
export type LoggedStep = StepRow & Partial<StepTiming>;

/** One pass over the whole held-out set. Shares are 0 … 1. */
export interface EvalMetrics {
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
  readonly top1: number;
  readonly top5?: number;
}

/** What executed a run. Two runs are timed alike only if all of it agrees. */
export interface BackendRecord {
  readonly name: string;
  readonly detail: string;
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
  readonly precision?: string | undefined;
  readonly determinism?: string | undefined;
  readonly xla?: string | undefined;
}

/** SHA-256 of what the arms of a study share for one seed; where they agree, two runs are a pair. */
export interface Pairing {
  /** The weights before the first step. */
  readonly init: string;
  /** Which samples make up the first 100 batches, in order. */
  readonly order: string;
  /** The bytes of the first 100 batches, after augmentation. */
  readonly augment: string;
}

/** Images of each class. */
export interface LabelCounts {
  readonly train: readonly number[];
  readonly test: readonly number[];
}

/** What a net scores that cannot tell images apart. */
export interface Chance {
  /** Training loss of equal probabilities, with or without label smoothing: ln C for C classes. */
  readonly uniformLoss: number;
  /** Lowest training loss of any prediction that is the same for every image: the entropy of the training labels, as smoothed. */
  readonly priorLoss: number;
  /** Share of the commonest class among the held-out images. */
  readonly top1: number;
}

/** The content of `result.json`. What is optional is missing in older results. */
export interface RunResult {
  readonly schema: 1;
  readonly id: string;
  readonly study?: string;
  readonly arm?: string;
  readonly seed: number;
  readonly status: RunStatus;
  /** Why a run did not complete; of one that did, what to know about how it came there. */
  readonly reason?: string;
  readonly steps: number;
  readonly epochs: number;
  readonly last: EvalMetrics;
  /** The evaluation with the highest top-1. */
  readonly best: EvalMetrics;
  /** The highest finite training loss of a step. */
  readonly peak?: { readonly loss: number; readonly step: number };
  readonly chance?: Chance;
  readonly trainSeconds: number;
  readonly evalSeconds: number;
  readonly compileSeconds: number;
  /** Time training stood still for checkpoints. */
  readonly checkpointSeconds?: number;
  /** Share of the training time spent waiting for data, 0 … 1. */
  readonly dataWaitShare: number;
  /** Median. */
  readonly msPerStep: number;
  readonly imagesPerSecond: number;
  readonly parameters: number;
  /** Size of the optimizer's state over the size of the parameters. */
  readonly stateRatio: number;
  readonly backend: BackendRecord;
  /** SHA-256 of the bytes training saw. */
  readonly fingerprint: string;
  /** SHA-256 of the sources of the training path. */
  readonly code?: string;
  /** SHA-256 of the final parameters and statistics. */
  readonly weights?: string;
  readonly pairing?: Pairing;
  /** How many processes had the run, this one included. */
  readonly attempts?: number;
  /** What had changed where the run went on all the same, one line each. */
  readonly drift?: readonly string[];
  /** Mean of each meter over the steps that measured it. */
  readonly activity: Readonly<Record<string, number>>;
  /** ISO 8601, UTC. */
  readonly finishedAt: string;
}

/** What the first line of a JSON-lines file says. */
export interface LinesHeader {
  readonly schema: 1;
  readonly kind: 'steps' | 'timing' | 'evaluations';
}

const nonFinite: Readonly<Record<string, number>> = { NaN: NaN, Infinity: Infinity, '-Infinity': -Infinity };

/** JSON in which NaN and ±Infinity, which JSON would turn into null, are the strings "NaN", "Infinity" and "-Infinity". */
export const toJson = (value: unknown, indent?: number): string =>
  JSON.stringify(value, (_, x: unknown) => (typeof x === 'number' && !Number.isFinite(x) ? String(x) : x), indent);

/** The inverse of `toJson`. Throws a SyntaxError. */
export const fromJson = (text: string): unknown =>
  JSON.parse(text, (_, x: unknown) => (typeof x === 'string' && Object.hasOwn(nonFinite, x) ? nonFinite[x] : x));

export const toLine = (value: unknown): string => `${toJson(value)}\n`;

/**
 * Reads the text of a JSON-lines file. A last line without its end is what a killed process leaves: it is dropped and
 * reported as `torn`. Any other unreadable line is an error.
 */
export function parseLines<Row extends { readonly step: number }>(
  text: string,
  kind: LinesHeader['kind'],
  path: string,
): { readonly rows: Row[]; readonly torn: boolean } {
  const lines = text.split('\n');
  const rest = lines.pop() ?? '';
  const values = lines.map((line, i) => parsed(line, `${path}:${i + 1}`));

  const header = values.shift() as Partial<LinesHeader> | null | undefined;
  if (header !== undefined && (header?.schema !== 1 || header.kind !== kind)) {
    throw new UserError(`${path}:1 is ${(lines[0] ?? '').slice(0, 60)}, expected {"schema":1,"kind":"${kind}"}`, {
      remedy: 'read it with the version of ranger21 that wrote it (env.json names it)',
    });
  }
  let last = 0;
  values.forEach((value, i) => {
    const remedy = 'the file was altered; run again';
    const step = (value as Partial<Row> | null)?.step;
    if (typeof step !== 'number') throw new UserError(`${path}:${i + 2} has no step`, { remedy });
    if (step <= last) throw new UserError(`${path}:${i + 2} is of step ${step}, after one of step ${last}`, { remedy });
    const wrong = mismatch(value, lineShapes[kind]);
    if (wrong !== undefined) throw new UserError(`${path}:${i + 2}: ${wrong}`, { remedy });
    last = step;
  });
  return { rows: values as Row[], torn: rest !== '' };
}

function parsed(line: string, place: string): unknown {
  try {
    return fromJson(line);
  } catch (cause) {
    throw new UserError(`${place} is not JSON: ${line.slice(0, 60)}`, {
      remedy: 'the file was altered; run again',
      cause,
    });
  }
}
