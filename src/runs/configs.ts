/** The resolved config of a run as a plain value, and what differs between several. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readWithin } from '../data/boundedFile.ts';
import { UserError } from '../errors.ts';
import { runFiles } from './layout.ts';
import { checkSealed } from './seal.ts';
import { hasPlan, readPlan, type StudyPlan } from './study.ts';

export type Config = Readonly<Record<string, unknown>>;

const longestConfig = 2 ** 20;

/** The config of a run's folder; undefined where there is none yet. */
export async function readConfig(dir: string): Promise<Config | undefined> {
  const path = join(dir, runFiles.config);
  if (!existsSync(path)) return undefined;
  const [{ parse }, { bytes }] = await Promise.all([import('yaml'), readWithin(path, longestConfig)]);
  if (bytes) await checkSealed(dir, runFiles.config, bytes);
  try {
    const config: unknown = parse(bytes?.toString() ?? '', { logLevel: 'silent' });
    if (isMap(config)) return config;
  } catch {
    // told below, like a text that is YAML and no map
  }
  throw new UserError(`${path} is not a resolved config`, { remedy: 'it was altered: run again' });
}

/**
 * Reads the configs of runs of `listRuns`: that of a planned one stands in its study's plan, which is read once. {} where
 * nothing tells.
 */
export function configReader(): (run: { readonly dir: string; readonly arm?: string }) => Promise<Config> {
  const plans = new Map<string, Promise<StudyPlan>>();
  return async ({ dir, arm }) => {
    const own = await readConfig(dir);
    const study = dirname(dirname(dir));
    if (own || arm === undefined || !hasPlan(study)) return own ?? {};
    if (!plans.has(study)) plans.set(study, readPlan(study));
    return { ...(await plans.get(study)!).arms.find(({ name }) => name === arm)?.experiment };
  };
}

/** What a dotted key leads to; undefined where it leads nowhere. */
export const valueAt = (config: unknown, key: string): unknown =>
  key
    .split('.')
    .reduce<unknown>((value, part) => (isMap(value) && Object.hasOwn(value, part) ? value[part] : undefined), config);

/** Every dotted key of a config, those of maps included. */
export const keysOf = (config: unknown, path: readonly string[] = []): string[] =>
  Object.entries(isMap(config) ? config : {}).flatMap(([key, value]) => [
    [...path, key].join('.'),
    ...keysOf(value, [...path, key]),
  ]);

/** A key whose values are not all the same, with the value of each config; undefined where it is absent. */
export interface Differing {
  readonly key: string;
  readonly values: readonly unknown[];
}

/** The keys that differ, as deep as all values are maps: a component that is off differs from one that is on in one key. */
export function differingKeys(configs: readonly unknown[], path: readonly string[] = []): Differing[] {
  if (configs.every(isMap)) {
    const keys = [...new Set(configs.flatMap((config) => Object.keys(config)))];
    return keys.flatMap((key) =>
      differingKeys(
        configs.map((config) => config[key]),
        [...path, key],
      ),
    );
  }
  const texts = new Set(configs.map((value) => JSON.stringify(value)));
  return texts.size > 1 ? [{ key: path.join('.'), values: configs }] : [];
}

const isMap = (value: unknown): value is Config => typeof value === 'object' && value !== null && !Array.isArray(value);
