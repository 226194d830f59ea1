/** Whether a parsed `result.json` is one, and the one that was written. */
import { UserError } from '../errors.ts';
import type { RunResult } from './metrics.ts';
import { unsealed } from './seal.ts';
import { mismatch } from './shape.ts';
import { resultShape } from './shapes.ts';
import { runStatuses } from './statuses.ts';

const shape = resultShape(runStatuses);

/** The value, checked, without what it says about files; a UserError naming the file and what is wrong. */
export function checkedResult(record: unknown, path: string): RunResult {
  const { value, isAltered } = unsealed(record);
  const problem = mismatch(value, shape) ?? (isAltered ? 'it is not what was written' : undefined);
  if (problem === undefined) {
    const { files: _, ...result } = value as RunResult & { readonly files?: unknown };
    return result;
  }
  throw new UserError(`${path}: ${problem}`, {
    remedy: 'it was altered, or written by another version: move the folder away and train again',
  });
}
