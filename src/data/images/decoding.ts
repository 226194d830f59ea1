/** How a data set's files are decoded, and the threads that do it. */
import { availableParallelism } from 'node:os';
import { badFileReport, type BadFileReport } from './badFiles.ts';
import { openPool, type Pool } from './decodePool.ts';
import type { BadFilePolicy, ImageSplit } from './imageSplit.ts';
import { configKeys } from './optionNames.ts';

export interface Decoding {
  /** Length of the short side that evaluation resizes to before it crops. */
  readonly short: number;
  readonly policy: BadFilePolicy;
  /** The pool, opened by the first that asks; `leave` it when done, and the last one to leave closes it. */
  readonly enter: () => Pool;
  readonly leave: () => Promise<void>;
  readonly report: BadFileReport;
  /** The same for other splits. */
  readonly of: (splits: { readonly train: ImageSplit; readonly test: ImageSplit }) => Decoding;
}

interface Options {
  readonly short: number;
  readonly policy: BadFilePolicy;
  readonly workers: number;
  readonly say: (line: string) => void;
}

/** One thread a core, one core left for the training itself. What libvips decodes shares libuv's pool of four threads, unless that is made larger. */
export const defaultWorkers = (): number => Math.max(1, Math.min(16, availableParallelism() - 1));

export function decodingOf(splits: { train: ImageSplit; test: ImageSplit }, options: Options): Decoding {
  const { short, policy, workers, say } = options;
  let pool: Pool | undefined;
  let users = 0;

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
    report: badFileReport(splits, { policy, names: configKeys, say }),
    of: (others) => decodingOf(others, options),
  };
}
