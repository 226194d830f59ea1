import type { z } from 'zod';
import type { Dataset } from './dataset.ts';

/** What an experiment can know of its data before a file is read; a count is absent where only the files tell. */
export interface Facts {
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

/** The entry of a data set; `facts` and `load` take the options with or without their defaults, and the key `name` with them. */
export function entry<Options extends z.ZodObject, Loaded extends Dataset>(definition: {
  summary: string;
  options: Options;
  classes?: number;
  shape?: readonly [number, number, number];
  origin: DatasetEntry['origin'];
  facts: (options: z.output<Options>) => Facts;
  load: (options: z.output<Options>) => Promise<Loaded>;
}): DatasetEntry<Options, Loaded> {
  const complete = (options: object) => {
    const { name: _, ...rest } = options as { name?: unknown };
    return definition.options.parse(rest);
  };
  return {
    ...definition,
    facts: (options) => definition.facts(complete(options)),
    load: async (options) => definition.load(complete(options)),
  };
}
