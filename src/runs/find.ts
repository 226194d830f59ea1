/** A run or a study by the name somebody typed. */
import { join } from 'node:path';
import { didYouMean } from '../didYouMean.ts';
import { UserError } from '../errors.ts';
import { folders, isRun, listRuns, readEntry, type RunEntry } from './list.ts';
import { hasPlan } from './study.ts';

/** A run from its folder, its path below the root or a part of that, or the first digits of its id (at least four). */
export async function findRun(root: string, wanted: string): Promise<RunEntry> {
  const dir = [wanted, join(root, wanted)].find(isRun);
  if (dir !== undefined) return readEntry(root, dir);

  const entries = (await listRuns(root)).filter((entry) => entry.state !== 'planned');
  const matches = entries.filter(({ path, id }) => isMeant(wanted, path, id));
  if (matches.length === 1) return matches[0] as RunEntry;
  if (matches.length > 1) {
    const some = matches.slice(0, 4).map((entry) => entry.path);
    throw new UserError(`${wanted} names ${matches.length} runs under ${root}`, {
      remedy: `name one: ${some.join(', ')}${matches.length > some.length ? ', …' : ''}`,
    });
  }
  throw unknownName('run', wanted, root, [...new Set(entries.flatMap(({ path }) => [path, ...path.split('/')]))]);
}

/** `demo/-pnm` in `demo/-pnm/0-76543210`, `single` in `single-01234567`, or the start of an id. */
export const isMeant = (wanted: string, path: string, id: string): boolean =>
  `/${path}/`.includes(`/${wanted}/`) ||
  path.replace(/-[0-9a-f]{8}$/, '') === wanted ||
  (/^[0-9a-f]{4,}$/.test(wanted) && id.startsWith(wanted));

/** A study's folder, from its path or its name under the root. */
export function findStudy(root: string, wanted: string): string {
  const dir = [wanted, join(root, wanted)].find(hasPlan);
  if (dir !== undefined) return dir;
  if (isRun(wanted) || isRun(join(root, wanted))) {
    throw new UserError(`${wanted} is a single run, not a study`, { remedy: `see \`ranger21 show ${wanted}\`` });
  }
  const studies = folders(root).filter((name) => hasPlan(join(root, name)));
  throw unknownName('study', wanted, root, studies);
}

function unknownName(kind: 'run' | 'study', wanted: string, root: string, known: readonly string[]): UserError {
  const meant = didYouMean(wanted, known);
  return new UserError(`no ${kind} ${wanted} under ${root}${meant === undefined ? '' : `; did you mean ${meant}?`}`, {
    remedy: '`ranger21 ls` lists what is there; --runs DIR or RANGER21_RUNS_DIR names another folder of runs',
  });
}
