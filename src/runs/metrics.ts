/** What a run writes down: every column named once, and the JSON it is kept in. */
import { UserError } from '../errors.ts';

/** One training step. Shares (`trainTop1`) are 0 … 1; norms are global L2 norms. */
export interface StepMetrics {
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
  readonly ms: number;
  readonly imagesPerSecond: number;
  /** Time the step waited for its batch. */
  readonly dataWaitMs: number;
  /** Activity of the components, `${component}/${meter}`, on the steps that measure it. */
  readonly meters?: Readonly<Record<string, number>>;
}

/** One pass over the whole held-out set. Shares are 0 … 1. */
export interface EvalMetrics {
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
  readonly top1: number;
  readonly top5?: number;
}

export const runStatuses = ['completed', 'diverged', 'stuck', 'interrupted', 'failed'] as const;
export type RunStatus = (typeof runStatuses)[number];

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

/** The content of `result.json`. */
export interface RunResult {
  readonly schema: 1;
  readonly id: string;
  readonly study?: string;
  readonly arm?: string;
  readonly seed: number;
  readonly status: RunStatus;
  /** Why a run did not complete. */
  readonly reason?: string;
  readonly steps: number;
  readonly epochs: number;
  readonly last: EvalMetrics;
  /** The evaluation with the highest top-1. */
  readonly best: EvalMetrics;
  readonly trainSeconds: number;
  readonly evalSeconds: number;
  readonly compileSeconds: number;
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
  /** Mean of each meter over the steps that measured it. */
  readonly activity: Readonly<Record<string, number>>;
  /** ISO 8601, UTC. */
  readonly finishedAt: string;
}

/** What the first line of a JSON-lines file says. */
export interface LinesHeader {
  readonly schema: 1;
  readonly kind: 'steps' | 'evaluations';
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

  const header = values.shift() as Partial<LinesHeader> | undefined;
  if (header && (header.schema !== 1 || header.kind !== kind)) {
    throw new UserError(`${path}:1 is ${toJson(header)}, expected {"schema":1,"kind":"${kind}"}`, {
      remedy: 'read it with the version of ranger21 that wrote it (env.json names it)',
    });
  }
  values.forEach((value, i) => {
    if (typeof (value as Partial<Row> | null)?.step !== 'number') {
      throw new UserError(`${path}:${i + 2} has no step`, { remedy: 'the file was altered; run again' });
    }
  });
  return { rows: values as Row[], torn: rest !== '' };
}

function parsed(line: string, place: string): unknown {
  try {
    return fromJson(line);
  } catch (cause) {
    throw new UserError(`${place} is not JSON: ${line.slice(0, 60)}`, { remedy: 'the file was altered; run again', cause });
  }
}
