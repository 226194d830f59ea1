/** A timed subject in a process of its own: it says what it is, then answers each number of steps with a block's times. */
import { execFile, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { exitCode, UserError } from '../errors.ts';
import type { Block, Subject } from '../experiment/timing/bench.ts';
import { startChild } from './child.ts';

/** What a process writes first. */
export type Introduction = Pick<
  Subject,
  'parameters' | 'device' | 'compileSeconds' | 'firstStepSeconds' | 'peakRssBytes'
> & { readonly detail: string };

export interface BenchProcess {
  readonly name: string;
  readonly introduction: Introduction;
  block(steps: number): Promise<Block>;
  /** What it holds of a GPU's memory, as the driver counts it. */
  deviceBytes(): Promise<number | undefined>;
  end(): Promise<void>;
}

export async function startProcess(name: string, command: string, args: readonly string[]): Promise<BenchProcess> {
  const { process: child, ended, lastWords } = startChild(command, args, { stdio: ['pipe', 'pipe'] });
  const { stdin, stdout } = child as ChildProcess & { stdin: Writable; stdout: Readable };
  stdin.on('error', () => undefined); // a process that died is told of where its answer is awaited
  const ending = async () => {
    const { code, signal } = await ended;
    return lastWords().join('\n  ') || `it ended with ${signal ?? code}`;
  };
  const lines = createInterface(stdout)[Symbol.asyncIterator]();
  const answer = async <T>(): Promise<T> => {
    const line = await lines.next();
    if (!line.done) return JSON.parse(line.value) as T;
    throw new UserError(`${name} does not run: ${await ending().catch((error: unknown) => (error as Error).message)}`, {
      remedy: 'leave it out, or repair what it names',
      code: exitCode.environment,
    });
  };
  const introduction = await answer<Introduction>();
  return {
    name,
    introduction,
    block(steps) {
      stdin.write(`${steps}\n`);
      return answer<Block>();
    },
    deviceBytes: () => (/^(gpu|cuda)/.test(introduction.device) ? gpuBytes(child.pid!) : Promise.resolve(undefined)),
    async end() {
      stdin.end();
      await ended;
    },
  };
}

/** GPU memory of a process; undefined where the driver's tool is missing or does not list it. */
async function gpuBytes(pid: number): Promise<number | undefined> {
  const query = ['--query-compute-apps=pid,used_gpu_memory', '--format=csv,noheader,nounits'];
  const listed = await promisify(execFile)('nvidia-smi', query, { timeout: 10_000 }).catch(() => undefined);
  const [, mebibytes] =
    listed?.stdout
      .split('\n')
      .map((line) => line.split(',').map(Number))
      .find(([id]) => id === pid) ?? [];
  return mebibytes === undefined || Number.isNaN(mebibytes) ? undefined : mebibytes * 2 ** 20;
}
