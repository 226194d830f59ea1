/** A timed subject in a process of its own: it says what it is, then answers each number of steps with a block's times. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { exitCode, UserError } from '../errors.ts';
import type { Block, Subject } from '../experiment/bench.ts';

/** What a process writes first. */
export type Introduction = Pick<
  Subject,
  'parameters' | 'device' | 'compileSeconds' | 'firstStepSeconds' | 'peakRssBytes'
> & { readonly detail: string };

export interface BenchProcess {
  readonly name: string;
  readonly introduction: Introduction;
  block(steps: number): Promise<Block>;
  end(): Promise<void>;
}

export async function startProcess(name: string, command: string, args: readonly string[]): Promise<BenchProcess> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)));
  child.stdin.on('error', () => undefined); // a process that died is told of where its answer is awaited
  const ended = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code) => resolve(errors.trim().split('\n').slice(-3).join('\n  ') || `it ended with ${code}`));
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const answer = async <T>(): Promise<T> => {
    const line = await lines.next();
    if (!line.done) return JSON.parse(line.value) as T;
    throw new UserError(`${name} does not run: ${await ended}`, {
      remedy: 'leave it out, or repair what it names',
      code: exitCode.environment,
    });
  };
  const introduction = await answer<Introduction>();
  return {
    name,
    introduction,
    block(steps) {
      child.stdin.write(`${steps}\n`);
      return answer<Block>();
    },
    async end() {
      child.stdin.end();
      await ended;
    },
  };
}
