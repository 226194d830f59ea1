/** Whether a parsed `result.json` is one. */
import { UserError } from '../errors.ts';
import type { RunResult } from './metrics.ts';
import { mismatch } from './shape.ts';
import { resultShape } from './shapes.ts';
import { runStatuses } from './statuses.ts';

const shape = resultShape(runStatuses);

/** The value, checked; a UserError naming the file and the key that is wrong. */
export function checkedResult(value: unknown, path: string): RunResult {
  const problem = mismatch(value, shape);
  if (problem === undefined) return value as RunResult;
  throw new UserError(`${path}: ${problem}`, {
    remedy: 'it was altered, or written by another version: move the folder away and train again',
  });
}
