/** Records that tell whether they are as they were written: a digit changed in a result would otherwise stand in a table. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readWithin } from '../data/boundedFile.ts';
import { UserError } from '../errors.ts';
import { runFiles } from './layout.ts';
import { fromJson, toJson } from './metrics.ts';

export const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** JSON with, at its end, `sum`: SHA-256 of the compact JSON without it. */
export const sealed = (value: object): string => `${toJson({ ...value, sum: sha256(toJson(value)) }, 2)}\n`;

/** A record without its sum, and whether it is another than was written; one without a sum (version 0.1) is taken as it is. */
export function unsealed(record: unknown): { readonly value: unknown; readonly isAltered: boolean } {
  if (typeof record !== 'object' || record === null || !('sum' in record)) return { value: record, isAltered: false };
  const { sum, ...value } = record;
  return { value, isAltered: sum !== sha256(toJson(value)) };
}

const longestResult = 2 ** 20;

/** Refuses the content of a finished run's file where it is not what it was when the result was written. */
export async function checkSealed(dir: string, file: string, content: Uint8Array): Promise<void> {
  const known = (await sealedFiles(dir))[file];
  if (known === undefined || known === sha256(content)) return;
  throw new UserError(`${join(dir, file)} was altered: it is not what it was when the run finished`, {
    remedy: 'put back a copy of it as it was, or move the run’s folder away and train again',
  });
}

/** SHA-256 of a finished run's files by name, as its result records them; {} where it does not, or is not there. */
async function sealedFiles(dir: string): Promise<Readonly<Record<string, unknown>>> {
  const path = join(dir, runFiles.result);
  if (!existsSync(path)) return {};
  const { bytes } = await readWithin(path, longestResult);
  try {
    const { files } = fromJson(bytes?.toString() ?? '') as { readonly files?: unknown };
    return typeof files === 'object' && files !== null ? (files as Record<string, unknown>) : {};
  } catch {
    return {}; // whoever reads the result is told
  }
}
