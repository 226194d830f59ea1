/** Where the report of a study is kept. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, writeAtomic } from './atomic.ts';

export const reportFile = 'report.html';
export const figuresFolder = 'figures';

/** Writes `report.html` and `figures/<name>` into a study's folder; the page last, when what it links to is there. */
export async function writeReport(
  dir: string,
  { page, figures }: { readonly page: string; readonly figures: Readonly<Record<string, string>> },
): Promise<string> {
  const folder = join(dir, figuresFolder);
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw fileError(folder, cause);
  }
  for (const [name, text] of Object.entries(figures)) await writeAtomic(join(folder, name), text);
  const path = join(dir, reportFile);
  await writeAtomic(path, page);
  return path;
}
