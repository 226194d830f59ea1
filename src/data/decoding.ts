/** How a data set's files are decoded, and the threads that do it. */
import { availableParallelism } from 'node:os';
import { UserError } from '../errors.ts';
import { openPool, type Pool } from './decodePool.ts';
import type { BadSample } from './decodeTask.ts';
import { sampleName, type BadFilePolicy, type ImageSplit } from './imageSplit.ts';

export interface Decoding {
  /** Length of the short side that evaluation resizes to before it crops. */
  readonly short: number;
  readonly policy: BadFilePolicy;
  /** The pool, opened by the first that asks; `leave` it when done, and the last one to leave closes it. */
  readonly enter: () => Pool;
  readonly leave: () => Promise<void>;
  /** Tells of bad files, each once; throws where the policy or a changed file forbids to go on. */
  readonly report: (part: 'train' | 'test', bad: readonly BadSample[]) => void;
}

interface Options {
  readonly short: number;
  readonly policy: BadFilePolicy;
  readonly workers: number;
  readonly say: (line: string) => void;
}

/** One thread a core, one core left for the training itself; libuv's pool of four does the decoding unless it is made larger. */
export const defaultWorkers = (): number => Math.max(1, Math.min(16, availableParallelism() - 1));

export function decodingOf(splits: { train: ImageSplit; test: ImageSplit }, options: Options): Decoding {
  const { short, policy, workers, say } = options;
  let pool: Pool | undefined;
  let users = 0;
  const told = new Set<string>();

  return {
    short,
    policy,
    enter: () => {
      users += 1;
      return (pool ??= openPool(splits, { workers, say }));
    },
    leave: async () => {
      users -= 1;
      if (users > 0) return;
      const last = pool;
      pool = undefined;
      await last?.close();
    },
    report: (part, bad) => {
      for (const { sample, reason, isChanged } of bad) {
        const name = sampleName(splits[part], sample);
        if (isChanged) {
          throw new UserError(`${name} ${reason}`, {
            remedy:
              'it was altered or is damaged: restore it; where the change is wanted, train with it in another run folder',
          });
        }
        if (policy === 'error') {
          throw new UserError(`${name} cannot be decoded: ${reason.trim()}`, {
            remedy: 'replace or remove the file, or set dataset.badFiles to skip or warn',
          });
        }
        if (told.has(name)) continue;
        told.add(name);
        const what = policy === 'skip' ? 'left out' : 'used as far as it can be read';
        say(`bad image ${told.size}: ${name}: ${reason.trim()} (${what})`);
      }
    },
  };
}
