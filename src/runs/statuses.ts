/** What can become of a run, and what follows from it. Every list of statuses is made from this one. */
import { exitCode } from '../errors.ts';

interface Status {
  /** Whether the run has a result and is not trained again. */
  readonly isFinished: boolean;
  /**
   * What the run is to a table. `whole`: it trained as far as the plan or a target asks, and its accuracy counts. `failure`: an
   * outcome of the arm itself, not of the machine, which counts at the accuracy of guessing. `missing`: in no mean.
   */
  readonly counts: 'whole' | 'failure' | 'missing';
  /** As in `runs that diverged`. */
  readonly past: string;
  /** Of the command `run`, where the run is finished. */
  readonly exitCode: number;
}

const whole = { isFinished: true, counts: 'whole', exitCode: 0 } as const;
const failure = { isFinished: true, counts: 'failure', exitCode: exitCode.diverged } as const;
const unfinished = { isFinished: false, counts: 'missing', exitCode: 0 } as const;

export const statuses = {
  completed: { ...whole, past: 'completed' },
  target_reached: { ...whole, past: 'reached their target' },
  /** A loss, gradient or update is not a finite number. */
  diverged: { ...failure, past: 'diverged' },
  /** The loss rose to many times chance, and at the end nothing is better than chance. */
  exploded: { ...failure, past: 'exploded' },
  /** The loss is still what guessing gives. */
  stuck: { ...failure, past: 'got stuck' },
  timeout: { isFinished: true, counts: 'missing', exitCode: 0, past: 'ran out of time' },
  interrupted: { ...unfinished, past: 'were interrupted' },
  failed: { ...unfinished, past: 'broke off' },
} as const satisfies Readonly<Record<string, Status>>;

export type RunStatus = keyof typeof statuses;
export const runStatuses = Object.keys(statuses) as RunStatus[];

/**
 * What a run without a readable result may be besides. `planned`: no folder yet; `running`: a process has it now; `lost`: the
 * last one that had it is gone without a word; `unreadable`: a file was altered. Nothing of it is written down: it is read off
 * leases and files.
 */
export const otherStates = ['running', 'lost', 'planned', 'unreadable'] as const;
export type RunState = RunStatus | (typeof otherStates)[number];

const statusOf = (state: RunState): Status | undefined =>
  Object.hasOwn(statuses, state) ? statuses[state as RunStatus] : undefined;

/** Whether it trained as far as the plan or a target asks. */
export const isWhole = (state: RunState): boolean => statusOf(state)?.counts === 'whole';

/** Whether it is an outcome of the arm itself, not of the machine. */
export const isFailure = (state: RunState): boolean => statusOf(state)?.counts === 'failure';

/** Finished without having trained as far as the plan asks. */
export type ShortStatus = {
  [S in RunStatus]: (typeof statuses)[S] extends { isFinished: true; counts: 'failure' | 'missing' } ? S : never;
}[RunStatus];
export const endedShort = (state: RunState): state is ShortStatus =>
  statusOf(state)?.isFinished === true && !isWhole(state);

export const finishedStatuses = runStatuses.filter((status) => statuses[status].isFinished);
export const shortStatuses = runStatuses.filter(endedShort);
export const failures = shortStatuses.filter(isFailure);

/** As in `2 stuck, 1 not started`. */
export const stateWord = (state: RunState): string =>
  state === 'planned' ? 'not started' : state === 'failed' ? statuses.failed.past : state;

/** `a, b or c` */
export const listed = (words: readonly string[]): string => words.join(', ').replace(/, (?=[^,]*$)/, ' or ');

/** `diverged, exploded or got stuck`, of runs that count at the accuracy of guessing. */
export const failedText = listed(failures.map((status) => statuses[status].past));
