/** A config file and the files it extends, merged into one tree. */
import { existsSync, readdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readWithin } from '../data/boundedFile.ts';
import { didYouMean } from '../didYouMean.ts';
import { UserError } from '../errors.ts';
import type { Environment } from './environment.ts';
import { configError, type Problem } from './problem.ts';
import { writtenOut } from './shorthand.ts';
import type { Place, Source } from './source.ts';
import { merge, unsetReferences, type MapTree } from './tree.ts';
import { longestText, parseYaml } from './yaml.ts';

const deepest = 16;
const mostFiles = 64;
/** From `src/config` as from `dist/config`. */
const packageRoot = fileURLToPath(new URL('../../', import.meta.url));

export interface Merged {
  readonly tree: MapTree;
  /** Every file read, each after those it extends. */
  readonly files: readonly string[];
}

/**
 * Reads `path` and, first, what its `extends` names (relative to the file that says so): a later file wins over an
 * earlier one, the file itself over both. Problems that leave the content readable are added to `problems`; others end it.
 */
export async function readConfig(path: string, env: Environment, problems: Problem[]): Promise<Merged> {
  const done = new Map<string, MapTree>();
  let begun = 0;

  async function read(file: string, chain: readonly string[], failure: Failure): Promise<MapTree> {
    const cached = done.get(file);
    if (cached) return cached;
    if (chain.includes(file)) {
      throw failure(`goes in a circle: ${[...chain.slice(chain.indexOf(file)), file].map(shown).join(' → ')}`);
    }
    if (chain.length > deepest) throw failure(`more than ${deepest} files deep`);
    if (begun++ === mostFiles) throw failure(`more than ${mostFiles} files in all`);

    const source: Source = { name: shown(file), kind: 'file', text: await readText(file, chain.length === 0, failure) };
    const { own, parents } = splitExtends(source, env, problems);
    let tree: MapTree | undefined;
    for (const { path: parent, at } of parents) {
      const extended = (message: string) =>
        configError(`cannot read ${shown(path)}`, [{ at, path: ['extends'], message }], 'correct `extends`');
      const inherited = await read(resolve(dirname(file), parent), [...chain, file], extended);
      tree = tree ? merge(tree, inherited, problems) : inherited;
    }
    const merged = merge(tree && withoutExpectations(tree), writtenOut(own), problems);
    done.set(file, merged);
    return merged;
  }

  const siblings = await configsIn(dirname(resolve(path)));
  const tree = await read(resolve(path), [], (message) => unreadable(path, message, siblings));
  return { tree, files: [...done.keys()].map(shown) };
}

/** What a file expects holds for what that file says, not for one that changes it. */
const withoutExpectations = (tree: MapTree): MapTree => ({
  ...tree,
  entries: new Map([...tree.entries].filter(([key]) => key !== 'expect')),
});

type Failure = (message: string) => UserError;

interface Parent {
  readonly path: string;
  readonly at: Place;
}

/** The file's own map without `extends`, and the files that names. */
function splitExtends(
  source: Source,
  env: Environment,
  problems: Problem[],
): { own: MapTree; parents: readonly Parent[] } {
  const { tree, problems: found } = parseYaml(source, env);
  const remedy = 'correct the places above; a config is a YAML map of keys and values';
  const fatal = (...found: Problem[]) => configError(`${source.name} is not a config`, found, remedy);
  if (!tree) throw fatal(...found);
  problems.push(...found);
  const start: Place = { source, start: 0, end: 1 };
  const isEmpty = tree.kind === 'scalar' && tree.value === null;
  if (isEmpty) throw fatal({ at: start, path: [], message: 'the file is empty' });
  if (tree.kind !== 'map') throw fatal({ at: tree.at, path: [], message: 'expected a map of keys and values' });

  const entries = new Map(tree.entries);
  const given = entries.get('extends')?.value;
  entries.delete('extends');
  const own: MapTree = { kind: 'map', at: start, entries };
  const items = given === undefined ? [] : given.kind === 'list' ? given.items : [given];
  const parents = items.map((item): Parent => {
    const { at } = item;
    const unset = unsetReferences(item, ['extends']);
    if (unset.length > 0) throw fatal(...unset);
    if (item.kind === 'scalar' && typeof item.value === 'string' && item.value) return { path: item.value, at };
    throw fatal({ at, path: ['extends'], message: 'expected a path, or a list of paths' });
  });
  return { own, parents };
}

/** Relative to the working folder when inside it. */
function shown(file: string): string {
  const path = relative(process.cwd(), file);
  return path === '' || path.startsWith('..') || isAbsolute(path) ? file : path;
}

/** UTF-8, a byte order mark left out. Only the config asked for may come through a pipe, which need not end. */
async function readText(file: string, isAsked: boolean, failure: Failure): Promise<string> {
  const content = await readWithin(file, longestText, { pipes: isAsked });
  if (content.bytes === undefined) throw failure(`${shown(file)} ${content.reason}`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content.bytes);
  } catch {
    throw failure(`${shown(file)} is not UTF-8 text`);
  }
}

function unreadable(path: string, message: string, siblings: readonly string[]): UserError {
  const shipped = join(packageRoot, path);
  if (path.startsWith('configs/') && resolve(path) !== shipped && existsSync(shipped)) {
    return new UserError(message, { remedy: `the one that ships is ${shipped}` });
  }
  const others = siblings.filter((name) => name !== basename(path)); // there, but not to be read
  const close = didYouMean(basename(path), others);
  const found = close === undefined ? inConfigs(path) : join(dirname(path), close);
  const remedy = found ? `did you mean ${found}?` : 'give the path of a config, e.g. configs/digits-resnet.yaml';
  return new UserError(message, { remedy });
}

/** The config in `configs/`, here or of the package, that a name without its folder or ending was meant for. */
function inConfigs(path: string): string | undefined {
  const name = basename(path).replace(/(\.ya?ml)?$/, '.yaml');
  const folders = ['configs', join(packageRoot, 'configs')];
  for (const folder of folders) {
    const names = existsSync(folder) ? readdirSync(folder).filter((other) => other.endsWith('.yaml')) : [];
    const meant = didYouMean(name, names);
    if (meant !== undefined && resolve(folder, meant) !== resolve(path)) return join(folder, meant);
  }
  return undefined;
}

async function configsIn(dir: string): Promise<string[]> {
  const names = await readdir(dir).catch(() => []); // no such folder: nothing to suggest
  return names.filter((name) => /\.ya?ml$/.test(name));
}
