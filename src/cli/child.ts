/** A process started from here, whose last words are kept for whoever has to tell how it ended. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';

export interface Child {
  readonly process: ChildProcess;
  /** How it ended; fails where it could not be started. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** The last three lines it wrote to stderr so far. */
  readonly lastWords: () => string[];
}

/** `stdio` is for stdin, stdout and, where it is to be talked with, its channel; stderr is read here. */
export function startChild(
  command: string,
  args: readonly string[],
  { stdio, ...options }: SpawnOptions & { readonly stdio: readonly ['ignore' | 'pipe', 'ignore' | 'pipe', 'ipc'?] },
): Child {
  const [stdin, stdout, channel] = stdio;
  const process = spawn(command, args, {
    ...options,
    stdio: [stdin, stdout, 'pipe', ...(channel === undefined ? [] : [channel])],
  });
  let errors = '';
  process.stderr!.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)));
  const event = (emitter: NodeJS.EventEmitter, name: string) => new Promise((resolve) => emitter.once(name, resolve));
  const exit = new Promise<Awaited<Child['ended']>>((resolve, reject) => {
    process.once('error', reject);
    process.once('exit', (code, signal) => resolve({ code, signal }));
  });
  // and all it said was heard: not 'close', which never comes where the channel was closed from here
  const heard = [event(process.stderr!, 'close'), ...(channel === undefined ? [] : [event(process, 'disconnect')])];
  const ended = Promise.all([exit, ...heard]).then(([how]) => how);
  ended.catch(() => undefined); // told where it is awaited
  return { process, ended, lastWords: () => errors.trim().split('\n').slice(-3) };
}

/** Another run of this program. */
export const startRanger21 = (args: readonly string[], options: Parameters<typeof startChild>[2]): Child =>
  startChild(process.execPath, [process.argv[1]!, ...args], options);
