/** Telling of images that cannot be used. */
import { UserError } from '../../errors.ts';
import { FileFault } from './imageStore.ts';
import { sampleName, type BadFilePolicy, type ImageSplit } from './imageSplit.ts';
import type { OptionNames } from './optionNames.ts';

/** What is wrong with a sample's file. */
export interface BadSample {
  readonly sample: number;
  readonly reason: string;
  /** What to do where no policy passes it over: the file is not what it was, or the system failed. */
  readonly remedy?: string;
  /** Whether what could be decoded of it was used. */
  readonly isUsed: boolean;
}

export const badSample = (sample: number, error: unknown, isUsed: boolean): BadSample => ({
  sample,
  reason: (error as Error).message,
  ...(error instanceof FileFault && { remedy: error.remedy }),
  isUsed,
});

export type BadFileReport = (part: 'train' | 'test', bad: readonly BadSample[]) => void;

/** Tells of bad files, each once; throws where the policy, a changed file or the system forbids to go on. */
export function badFileReport(
  splits: { train: ImageSplit; test: ImageSplit },
  { policy, names, say }: { policy: BadFilePolicy; names: OptionNames; say: (line: string) => void },
): BadFileReport {
  const told = new Set<string>();
  return (part, bad) => {
    for (const { sample, reason, remedy, isUsed } of bad) {
      const name = sampleName(splits[part], sample);
      if (remedy !== undefined) throw new UserError(`${name} ${reason}`, { remedy });
      if (policy === 'error') {
        throw new UserError(`${name} cannot be decoded: ${reason.trim()}`, {
          remedy: `replace or remove the file, or set ${names.badFiles} to skip or warn`,
        });
      }
      if (told.has(name)) continue;
      told.add(name);
      const what = isUsed ? 'used as far as it can be decoded' : 'left out';
      say(`bad image ${told.size}: ${name}: ${reason.trim()} (${what})`);
    }
  };
}
