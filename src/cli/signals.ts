/**
 * Ctrl-C and friends, and time limits: the first ends training after its step, with the state saved; the second ends the
 * process. SIGUSR1 belongs to Node.
 */
import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { exitCode } from '../errors.ts';

/** 128 + number, but for SIGUSR2, which asks to be started again later. */
const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129, SIGUSR2: exitCode.locked } as const;
type Stop = keyof typeof codes;

export interface Stopping {
  readonly signal: AbortSignal;
  /** Once something has asked to stop. */
  exitCode(): number | undefined;
  /** Asks to stop as a signal would. */
  stop(text: string, code: number): void;
  release(): void;
}

export const timeLimitOption = () =>
  new Option(
    '--time-limit <duration>',
    'save the state and exit with 7 before so much time is over: 30s, 20m, 4h',
  ).argParser(duration);

/** `timeLimit` is in milliseconds; the end of a Slurm job counts too. */
export function stopOnSignals(timeLimit?: number): Stopping {
  const controller = new AbortController();
  let code: number | undefined;
  const stop = (text: string, exit: number) => {
    if (code !== undefined) return;
    code = exit;
    console.error(`\n${text}: finishing this step and saving the state; once more to quit at once`);
    controller.abort(text);
  };
  const names = Object.keys(codes) as Stop[];
  const handle = (name: NodeJS.Signals) => {
    if (code === undefined) return stop(name, codes[name as Stop]);
    names.forEach((one) => process.off(one, handle));
    process.kill(process.pid, name); // dies of it at once, where an exit would wait for the native call under way
  };
  for (const name of names) process.on(name, handle);

  const timers = deadlines(timeLimit).map(({ text, inMs }) =>
    setTimeout(() => stop(text, exitCode.timeLimit), Math.min(Math.max(0, inMs - margin(inMs)), LONGEST_TIMER)).unref(),
  );
  return {
    signal: controller.signal,
    exitCode: () => code,
    stop,
    release() {
      names.forEach((name) => process.off(name, handle));
      timers.forEach(clearTimeout);
    },
  };
}

/** Node's timers go no further: 24.8 days. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** A tenth of the time, and at most a minute, for the last step and the saving. */
const margin = (ms: number): number => Math.min(60_000, 0.1 * ms);

function deadlines(timeLimit: number | undefined): { readonly text: string; readonly inMs: number }[] {
  const slurm = Number(process.env['SLURM_JOB_END_TIME']); // seconds since 1970
  return [
    ...(timeLimit === undefined ? [] : [{ text: 'time limit', inMs: timeLimit }]),
    ...(slurm > 0 ? [{ text: 'the Slurm job is about to end', inMs: 1000 * slurm - Date.now() }] : []),
  ];
}

const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

/** "30s", "20m", "4h" in milliseconds. */
export function duration(text: string): number {
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)([smh])$/.exec(text) ?? [];
  const ms = Number(count) * (units[unit] ?? NaN);
  if (!(ms > 0)) throw new InvalidArgumentError('expected a time such as 30s, 20m or 4h');
  return ms;
}
