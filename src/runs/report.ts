/** Where the report of a study is kept. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, writeAtomic } from './atomic.ts';
import { readJson } from './read.ts';

export const reportFile = 'report.html';
export const figuresFolder = 'figures';
/** What its curves are drawn from, for a folder without the logs of the steps. */
const curvesFile = 'curves.json';

/** Writes `report.html`, `figures/<name>` and `curves.json` into a study's folder; the page last, when what it links to is there. */
export async function writeReport(
  dir: string,
  {
    page,
    figures,
    curves,
  }: { readonly page: string; readonly figures: Readonly<Record<string, string>>; readonly curves: string },
): Promise<string> {
  const folder = join(dir, figuresFolder);
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw fileError(folder, cause);
  }
  for (const [name, text] of Object.entries(figures)) await writeAtomic(join(folder, name), text);
  await writeAtomic(join(dir, curvesFile), curves);
  const path = join(dir, reportFile);
  await writeAtomic(path, page);
  return path;
}

/** The content of `curves.json` with its path; undefined where there is none. */
export async function readCurves(dir: string): Promise<{ readonly value: unknown; readonly path: string } | undefined> {
  const path = join(dir, curvesFile);
  return existsSync(path) ? { value: await readJson(path), path } : undefined;
}
