import type { z } from 'zod';
import type { Dataset, Normalisation } from './dataset.ts';
import { holdOut, holdOutFacts, holdOutOption, heldOutText } from './holdOut.ts';
import { toStderr, type Reading } from './reading.ts';

/** What an experiment can know of its data before a file is read; what only the files tell is absent. */
export interface Facts extends Normalisation {
  readonly shape: readonly [number, number, number];
  readonly classes?: number;
  readonly train?: number;
  readonly test?: number;
}

/** The same of data that were looked at. */
export interface Listed extends Required<Facts> {
  /** Where the test images come from, in words, where there is a choice. */
  readonly heldOut?: string;
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
  /** What `load` would find, counted where it has to be, without reading an image. */
  list(options: object): Promise<Listed>;
  load(options: object, reading?: Reading): Promise<Loaded>;
}

/**
 * The entry of a data set; `facts`, `list` and `load` take the options with or without their defaults, and the key `name` with them.
 * Every data set has `holdOut` beside its own options. `list` may be left out where `facts` knows everything.
 */
export function entry<Options extends z.ZodObject, Loaded extends Dataset>(definition: {
  summary: string;
  options: Options;
  classes?: number;
  shape?: readonly [number, number, number];
  origin: DatasetEntry['origin'];
  facts: (options: z.output<Options>) => Facts;
  list?: (options: z.output<Options>) => Promise<Listed>;
  load: (options: z.output<Options>, reading: Reading) => Promise<Loaded>;
}): DatasetEntry<Options, Loaded> {
  const options = definition.options.extend(holdOutOption);
  const complete = (given: object) => {
    const { name: _, ...rest } = given as { name?: unknown };
    const { holdOut: share, ...own } = options.parse(rest);
    return { share: share as number | undefined, own: own as z.output<Options> };
  };
  const facts = (given: object) => {
    const { share, own } = complete(given);
    const whole = definition.facts(own);
    return share === undefined ? whole : holdOutFacts(whole, share);
  };
  return {
    ...definition,
    options: options as unknown as Options, // the key that all of them have is not told apart in the type
    facts,
    list: async (given) => {
      const { share, own } = complete(given);
      if (definition.list === undefined) return facts(given) as Listed; // it knows everything
      const whole = await definition.list(own);
      return share === undefined
        ? whole
        : { ...(holdOutFacts(whole, share) as Listed), ...(whole.heldOut && { heldOut: heldOutText(share) }) };
    },
    load: async (given, reading = toStderr) => {
      const { share, own } = complete(given);
      const whole = await definition.load(own, reading);
      return share === undefined ? whole : (holdOut(whole, share) as Loaded); // of the same kind as the whole
    },
  };
}
