/** `--set a.b=value`, `--unset a.b` and the flags with keys of their own: the last words on a config. */
import { didYouMean } from '../didYouMean.ts';
import type { Environment } from './environment.ts';
import type { Problem } from './problem.ts';
import { writtenOut } from './shorthand.ts';
import type { Place, Source } from './source.ts';
import { find, merge, nest, type MapTree, type Tree } from './tree.ts';
import { keyPath, parseYaml } from './yaml.ts';

export interface Overrides {
  /** `key.path=value` each; the value is YAML, and an absent one the empty text. */
  readonly set?: readonly string[] | undefined;
  /** `key.path` each. */
  readonly unset?: readonly string[] | undefined;
  /** Other flags that give a value of the config. */
  readonly flags?: readonly Flag[] | undefined;
}

export interface Flag {
  /** As typed: `--seeds 5`. */
  readonly typed: string;
  readonly key: string;
  readonly value: string | number | boolean | readonly string[];
}

/** Removes, then sets, each flag on top of the one before, as if it were a file of one key. */
export function override(
  tree: MapTree,
  { set = [], unset = [], flags = [] }: Overrides,
  env: Environment,
  problems: Problem[],
): MapTree {
  let result = tree;
  for (const text of unset) result = remove(result, text, problems);
  for (const text of set) {
    const over = parseSet(text, env, problems);
    if (over) result = merge(result, writtenOut(over), problems);
  }
  for (const flag of flags) result = merge(result, given(flag), problems);
  return result;
}

function given({ typed, key, value }: Flag): MapTree {
  const at: Place = { source: { name: typed, kind: 'flag', text: typed }, start: 0, end: 0 };
  const scalar = (value: string | number | boolean): Tree => ({ kind: 'scalar', at, value });
  const tree: Tree = typeof value === 'object' ? { kind: 'list', at, items: value.map(scalar) } : scalar(value);
  return nest(key.split('.'), tree) as MapTree; // a path has at least one key
}

function parseSet(text: string, env: Environment, problems: Problem[]): MapTree | undefined {
  const equals = text.indexOf('=');
  const source: Source = { name: `--set ${text}`, kind: 'flag', text: text.slice(equals + 1) };
  const at: Place = { source, start: 0, end: 0 };
  const report = (message: string) => void problems.push({ at, path: [], message });
  if (equals < 0) return (report('expected key.path=value'), undefined);
  const path = keyPath(text.slice(0, equals));
  if (typeof path === 'string') return (report(path), undefined);
  const parsed = source.text === '' ? empty(at) : parseYaml(source, env);
  problems.push(...parsed.problems.map((problem) => ({ ...problem, path: [...path, ...problem.path] })));
  return parsed.tree ? (nest(path, parsed.tree) as MapTree) : undefined; // a path has at least one key
}

const empty = (at: Place): { tree: Tree; problems: readonly Problem[] } => ({
  tree: { kind: 'scalar', at, value: '' },
  problems: [],
});

function remove(tree: MapTree, text: string, problems: Problem[]): MapTree {
  const source: Source = { name: `--unset ${text}`, kind: 'flag', text };
  const at: Place = { source, start: 0, end: 0 };
  const report = (message: string) => void problems.push({ at, path: [], message });
  const path = keyPath(text);
  if (typeof path === 'string') return (report(path), tree);
  if (find(tree, path).exact) return merge(tree, nest(path, { kind: 'delete', at }) as MapTree, problems);
  const { tree: container } = find(tree, path.slice(0, -1));
  const suggestion = didYouMean(path.at(-1)!, container.kind === 'map' ? [...container.entries.keys()] : []);
  const hint = suggestion ? `; did you mean ${[...path.slice(0, -1), suggestion].join('.')}?` : '';
  return (report(`nothing to unset: no file sets it${hint}`), tree);
}
