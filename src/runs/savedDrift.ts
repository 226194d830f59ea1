/** What the newest checkpoint of a run says it belongs to. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkpointPlace, runFiles } from './layout.ts';
import { readJson } from './read.ts';

/** Name → text of what must not change while a run is unfinished; {} where there is no checkpoint, or none that can be read. */
export async function savedDrift(dir: string): Promise<Readonly<Record<string, string>>> {
  const folder = join(dir, runFiles.checkpoints);
  if (!existsSync(folder)) return {};
  const places = readdirSync(folder).flatMap((name) => {
    const place = checkpointPlace(name);
    return place ? [{ name, ...place }] : [];
  });
  const newest = places.sort((a, b) => b.step - a.step || b.copy - a.copy)[0];
  const path = newest && join(folder, newest.name, 'checkpoint.json');
  if (path === undefined || !existsSync(path)) return {};
  const record = (await readJson(path)) as { readonly drift?: Readonly<Record<string, string>> } | null;
  return record?.drift ?? {};
}
