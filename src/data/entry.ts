import type { z } from 'zod';
import type { Dataset, Normalisation } from './dataset.ts';
import { holdOut, holdOutFacts, holdOutOption } from './holdOut.ts';

/** What an experiment can know of its data before a file is read; a count is absent where only the files tell. */
export interface Facts extends Normalisation {
  readonly shape: readonly [number, number, number];
  readonly classes: number;
  readonly train?: number;
  readonly test?: number;
}

/** A data set as configurations name it. `options` are the keys of `dataset:` beside its name. */
export interface DatasetEntry<Options extends z.ZodObject = z.ZodObject, Loaded extends Dataset = Dataset> {
  readonly summary: string;
  readonly options: Options;
  /** As far as known without options and files. */
  readonly classes?: number;
  readonly shape?: readonly [number, number, number];
  /** How the data get here: they ship with the package, are computed, are prepared once, or lie in the user's own folder. */
  readonly origin: 'shipped' | 'computed' | 'prepared' | 'folder';
  facts(options: object): Facts;
  load(options: object): Promise<Loaded>;
}

/**
 * The entry of a data set; `facts` and `load` take the options with or without their defaults, and the key `name` with them. Every
 * data set has `holdOut` beside its own options.
 */
export function entry<Options extends z.ZodObject, Loaded extends Dataset>(definition: {
  summary: string;
  options: Options;
  classes?: number;
  shape?: readonly [number, number, number];
  origin: DatasetEntry['origin'];
  facts: (options: z.output<Options>) => Facts;
  load: (options: z.output<Options>) => Promise<Loaded>;
}): DatasetEntry<Options, Loaded> {
  const options = definition.options.extend(holdOutOption);
  const complete = (given: object) => {
    const { name: _, ...rest } = given as { name?: unknown };
    const { holdOut: share, ...own } = options.parse(rest);
    return { share: share as number | undefined, own: own as z.output<Options> };
  };
  return {
    ...definition,
    options: options as unknown as Options, // the key that all of them have is not told apart in the type
    facts: (given) => {
      const { share, own } = complete(given);
      const facts = definition.facts(own);
      return share === undefined ? facts : holdOutFacts(facts, share);
    },
    load: async (given) => {
      const { share, own } = complete(given);
      const whole = await definition.load(own);
      return share === undefined ? whole : (holdOut(whole, share) as Loaded); // of the same kind as the whole
    },
  };
}
