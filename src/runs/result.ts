/** Whether a parsed `result.json` is one. */
import { UserError } from '../errors.ts';
import type { RunResult } from './metrics.ts';
import { runStatuses, toJson } from './metrics.ts';

/** The value, checked; a UserError naming the file and the key that is wrong. */
export function checkedResult(value: unknown, path: string): RunResult {
  const problem = isRecord(value) ? problemOf(value) : 'not an object';
  if (problem === undefined) return value as RunResult;
  throw new UserError(`${path}: ${problem}`, {
    remedy: 'it was altered, or written by another version: move the folder away and train again',
  });
}

const types: Readonly<Record<string, 'string' | 'number' | 'object'>> = {
  id: 'string',
  seed: 'number',
  status: 'string',
  steps: 'number',
  epochs: 'number',
  last: 'object',
  best: 'object',
  trainSeconds: 'number',
  evalSeconds: 'number',
  compileSeconds: 'number',
  dataWaitShare: 'number',
  msPerStep: 'number',
  imagesPerSecond: 'number',
  parameters: 'number',
  stateRatio: 'number',
  backend: 'object',
  fingerprint: 'string',
  activity: 'object',
  finishedAt: 'string',
};

function problemOf(value: Record<string, unknown>): string | undefined {
  if (value['schema'] !== 1) return `schema is ${shown(value['schema'])}, expected 1`;
  for (const [key, type] of Object.entries(types)) {
    if (typeof value[key] !== type || value[key] === null) return `${key} is ${shown(value[key])}, expected ${type}`;
  }
  for (const key of ['last', 'best']) {
    for (const metric of ['step', 'epoch', 'loss', 'top1']) {
      const x = (value[key] as Record<string, unknown>)[metric];
      if (typeof x !== 'number') return `${key}.${metric} is ${shown(x)}, expected number`;
    }
  }
  const known: readonly unknown[] = runStatuses;
  return known.includes(value['status']) ? undefined : `status is ${shown(value['status'])}, expected ${runStatuses.join(', ')}`;
}

const shown = (value: unknown): string => (value === undefined ? 'missing' : toJson(value));

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
