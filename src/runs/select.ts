/** Choosing runs by name and by condition, the same wherever runs are named. */
import { join } from 'node:path';
import { didYouMean } from '../didYouMean.ts';
import { UserError } from '../errors.ts';
import { configReader, keysOf, valueAt, type Config } from './configs.ts';
import { fieldNames, fields, isField } from './fields.ts';
import { findRun, isMeant } from './find.ts';
import { isRun, listRuns, listStudy, readEntry, type RunEntry } from './list.ts';
import { hasPlan } from './study.ts';

const operators = {
  '=': (order: number | undefined) => order === 0,
  ':': (order: number | undefined) => order === 0,
  '!=': (order: number | undefined) => order !== 0,
  '<': (order: number | undefined) => order !== undefined && order < 0,
  '<=': (order: number | undefined) => order !== undefined && order <= 0,
  '>': (order: number | undefined) => order !== undefined && order > 0,
  '>=': (order: number | undefined) => order !== undefined && order >= 0,
} as const;

interface Condition {
  readonly text: string;
  readonly key: string;
  readonly operator: keyof typeof operators;
  readonly wanted: string;
}

/** A run with its config, which is read only where somebody asks for it. */
export interface ConfiguredRun {
  readonly entry: RunEntry;
  readonly config: Config;
}

/** What a key is in a run: a field, or a value of its config, where a list is its items with commas and a map is `on`. */
export function valueOf({ entry, config }: ConfiguredRun, key: string): string | number | boolean | undefined {
  if (isField(key)) return fields[key](entry);
  const value = valueAt(config, key) ?? undefined;
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'object' ? 'on' : (value as string | number | boolean | undefined);
}

/** The runs with what `keys` need of their configs; a key that no run has is an error. */
export async function configured(entries: readonly RunEntry[], keys: readonly string[]): Promise<ConfiguredRun[]> {
  const ofConfigs = keys.filter((key) => !isField(key));
  if (ofConfigs.length === 0) return entries.map((entry) => ({ entry, config: {} }));
  const configOf = configReader();
  const readable = async (entry: RunEntry) => (entry.state === 'unreadable' ? {} : configOf(entry));
  const runs = await Promise.all(entries.map(async (entry) => ({ entry, config: await readable(entry) })));
  const known = [...new Set(runs.flatMap(({ config }) => keysOf(config)))];
  const missing = ofConfigs.find((key) => !known.includes(key));
  if (missing !== undefined) throw unknownKey(missing, [...fieldNames, ...known]);
  return runs;
}

/** The runs below `root`, planned ones included, that the words select; all where there is none. With a study, only its runs. */
export async function selectRuns(root: string, words: readonly string[], study?: string): Promise<RunEntry[]> {
  const { names, conditions } = parsed(root, words);
  const all = () => (study === undefined ? listRuns(root) : listStudy(root, study));
  const candidates = names.length === 0 ? await all() : await named(root, names, all);
  const keys = conditions.map(({ key }) => key);
  const runs = await configured(candidates, keys);
  return runs.filter((run) => conditions.every((condition) => holds(run, condition))).map(({ entry }) => entry);
}

/** `; did you mean ablation?` of words that select no run: the first that is close to a name, or to a value of its key. */
export async function meantWord(root: string, words: readonly string[]): Promise<string> {
  const { names, conditions } = parsed(root, words);
  const all = await listRuns(root);
  const parts = [...new Set(all.flatMap(({ path }) => path.split('/')))];
  const meant = [
    ...names.flatMap((name) => (parts.includes(name) ? [] : (didYouMean(name, parts) ?? []))),
    ...conditions.flatMap(({ key, operator, wanted }) => {
      const values =
        isField(key) && ['=', ':'].includes(operator) ? all.map((entry) => String(fields[key](entry))) : [];
      const value = values.includes(wanted) ? undefined : didYouMean(wanted, [...new Set(values)]);
      return value === undefined ? [] : [`${key}${operator}${value}`];
    }),
  ];
  return meant[0] === undefined ? '' : `; did you mean ${meant[0]}?`;
}

/** The one run, begun at least, that the words select. */
export async function selectRun(root: string, words: readonly string[]): Promise<RunEntry> {
  const { names, conditions } = parsed(root, words);
  if (conditions.length === 0 && names.length === 1) return findRun(root, names[0]!);
  const found = (await selectRuns(root, words)).filter(({ state }) => state !== 'planned');
  if (found.length === 1) return found[0]!;
  const some = found.slice(0, 4).map(({ path }) => path);
  throw new UserError(
    `${words.join(' ')} selects ${found.length === 0 ? 'no run' : `${found.length} runs`} under ${root}`,
    {
      remedy:
        found.length === 0
          ? '`ranger21 ls` lists what is there'
          : `name one: ${some.join(', ')}${found.length > 4 ? ', …' : ''}`,
    },
  );
}

/** Words that are no folder fall apart at blanks, so that one argument can hold several conditions. */
function parsed(root: string, words: readonly string[]) {
  const names: string[] = [];
  const conditions: Condition[] = [];
  for (const word of words) {
    if (isFolder(root, word)) names.push(word);
    else {
      for (const part of word.split(/\s+/).filter(Boolean)) {
        const [, key, operator, wanted] = /^([A-Za-z][\w.]*)(!=|>=|<=|=|:|<|>)(.*)$/.exec(part) ?? [];
        if (key === undefined) names.push(part);
        else conditions.push({ text: part, key, operator: operator as Condition['operator'], wanted: wanted! });
      }
    }
  }
  return { names, conditions };
}

const folderOf = (root: string, word: string, is: (dir: string) => boolean) => [word, join(root, word)].find(is);
const isFolder = (root: string, word: string) =>
  folderOf(root, word, (dir) => isRun(dir) || hasPlan(dir)) !== undefined;

/** In the order of the names; a run that two of them name, once. */
async function named(root: string, names: readonly string[], list: () => Promise<RunEntry[]>): Promise<RunEntry[]> {
  let listed: RunEntry[] | undefined;
  const found = new Map<string, RunEntry>();
  for (const name of names) {
    const run = folderOf(root, name, isRun);
    const study = run === undefined ? folderOf(root, name, hasPlan) : undefined;
    if (run !== undefined) found.set(run, await readEntry(root, run));
    else {
      const all = study === undefined ? (listed ??= await list()) : await listStudy(root, study);
      const exact = study === undefined ? all.filter(({ path, id }) => isMeant(name, path, id)) : all;
      for (const entry of exact.length > 0 ? exact : all.filter(({ path }) => path.includes(name))) {
        if (!found.has(entry.dir)) found.set(entry.dir, entry);
      }
    }
  }
  return [...found.values()];
}

function holds(run: ConfiguredRun, { text, key, operator, wanted }: Condition): boolean {
  const value = valueOf(run, key);
  const isOrder = operator.startsWith('<') || operator.startsWith('>');
  if (!isOrder) {
    const isOne = wanted.split(',').some((one) => isEqual(value, one));
    return operators[operator](isOne ? 0 : undefined);
  }
  if (wanted === '' || (typeof value === 'number' && Number.isNaN(Number(wanted)))) {
    throw new UserError(`${text}: ${key} is a number, and ${wanted === '' ? 'nothing' : wanted} is none`, {
      remedy: 'compare it with a number, e.g. optimizer.lr>=1e-3',
    });
  }
  return operators[operator](order(value, wanted));
}

/** `*` stands for any text; `on` and `off` for what is switched. */
function isEqual(value: string | number | boolean | undefined, wanted: string): boolean {
  if (value === undefined) return wanted === '';
  if (typeof value === 'number') return wanted !== '' && Number(wanted) === value;
  if (typeof value === 'boolean') return wanted === String(value) || wanted === (value ? 'on' : 'off');
  const pattern = wanted.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${pattern.join('.*')}$`, 's').test(value);
}

/** Below 0 where the value comes first, 0 where they are equal; undefined where it cannot be compared. */
function order(value: string | number | boolean | undefined, wanted: string): number | undefined {
  if (typeof value === 'number') return Number.isNaN(value) ? undefined : value - Number(wanted);
  if (typeof value === 'string') return value < wanted ? -1 : value > wanted ? 1 : 0;
  return undefined;
}

function unknownKey(key: string, known: readonly string[]): UserError {
  const inner = known.find((one) => one.endsWith(`.${key}`));
  const meant = inner ?? didYouMean(key, known);
  return new UserError(`cannot select by ${key}${meant === undefined ? '' : `; did you mean ${meant}?`}`, {
    remedy: `use ${fieldNames.join(', ')}, or a config value such as optimizer.lr`,
  });
}
