/** An experiment that comes from another file than a config. */
import { z } from 'zod';
import { UserError } from '../errors.ts';
import { experimentSchema, type Experiment } from './schema.ts';

/** The value as an experiment; a UserError naming where it was found, and everything that is wrong with it. */
export function checkedExperiment(value: unknown, where: string): Experiment {
  const { data, error } = experimentSchema.safeParse(value);
  if (data) return data;
  throw new UserError(`${where} is not a valid experiment\n${z.prettifyError(error).slice(0, 2_000)}`, {
    remedy: 'it was altered, or written by another version of ranger21: plan the study again',
  });
}
