/** Whether the tables in a study's folder are what its runs say. */
import { exitCode, UserError } from '../errors.ts';
import { differingCells } from '../report/tableDifference.ts';
import { fromJson } from '../runs/metrics.ts';
import { readTables } from '../runs/study.ts';

/** How many cells are named before the rest is counted. */
const NAMED = 20;

/** Throws where a table in the folder differs from `texts`, its content as recomputed, and names the cells. */
export async function checkTables(dir: string, texts: Readonly<Record<string, string>>): Promise<void> {
  const found = await readTables(dir, Object.keys(texts));
  const names = Object.keys(found);
  if (names.length === 0) {
    throw new UserError(`${dir} holds no table to check`, {
      remedy: 'write it with ranger21 ablate',
      code: exitCode.checkFailed,
    });
  }
  const stale = names.filter((extension) => found[extension] !== texts[extension]);
  if (stale.length === 0) return console.error(`${names.map((name) => `table.${name}`).join(', ')}: as recomputed`);
  const cells = stale.includes('json') ? differingCells(parsed(found['json']!), fromJson(texts['json']!)) : [];
  const shown = cells.slice(0, NAMED).map((cell) => `\n  ${cell}`);
  const more = cells.length > NAMED ? `\n  and ${cells.length - NAMED} more` : '';
  throw new UserError(
    `${stale.map((name) => `table.${name}`).join(', ')} in ${dir} ${stale.length === 1 ? 'is' : 'are'} not what the runs say${shown.join('')}${more}`,
    {
      remedy: 'issue the study’s ranger21 ablate again, which writes the tables and trains nothing that is finished',
      code: exitCode.checkFailed,
    },
  );
}

function parsed(text: string): unknown {
  try {
    return fromJson(text);
  } catch {
    return undefined; // then every cell differs
  }
}
