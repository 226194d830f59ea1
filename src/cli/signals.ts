/**
 * Ctrl-C and friends, and time limits: the first ends training after its step, with the state saved; the second ends the
 * process. SIGUSR1 belongs to Node.
 */
import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { variable } from '../environment.ts';
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
  const stop = (text: string, exit: number, hint = '') => {
    if (code !== undefined) return;
    code = exit;
    console.error(`\n${text}: finishing this step and saving the state${hint}`);
    controller.abort(text);
  };
  const names = Object.keys(codes) as Stop[];
  let signals = 0; // a job's end may come as a signal to every process of it, and through the parent too: only signals count
  const handle = (name: NodeJS.Signals) => {
    if (signals++ === 0) return stop(name, codes[name as Stop], '; once more to quit at once');
    names.forEach((one) => process.off(one, handle));
    process.kill(process.pid, name); // dies of it at once, where an exit would wait for the native call under way
  };
  for (const name of names) process.on(name, handle);

  const limits = deadlines(timeLimit);
  const look = () => {
    const over = limits.find(({ at }) => Date.now() >= at);
    if (over) stop(over.text, exitCode.timeLimit);
  };
  const timer = limits.length > 0 ? setInterval(look, LOOK_MS).unref() : undefined; // a timeout ends at 24.8 days
  return {
    signal: controller.signal,
    exitCode: () => code,
    stop,
    release() {
      names.forEach((name) => process.off(name, handle));
      clearInterval(timer);
    },
  };
}

const LOOK_MS = 100;

/** A tenth of the time, and at most a minute, for the last step and the saving. */
const margin = (ms: number): number => Math.min(60_000, 0.1 * ms);

/** When to stop, in ms since 1970. The limit counts from the start of the process: reading data is part of the time, too. */
function deadlines(timeLimit: number | undefined): { readonly text: string; readonly at: number }[] {
  const before = (text: string, end: number) => ({ text, at: end - margin(end - Date.now()) });
  const slurm = Number(variable('SLURM_JOB_END_TIME') ?? 0); // seconds since 1970
  return [
    ...(timeLimit === undefined ? [] : [before('time limit', Date.now() - 1000 * process.uptime() + timeLimit)]),
    ...(slurm > 0 ? [before('the Slurm job is about to end', 1000 * slurm)] : []),
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
