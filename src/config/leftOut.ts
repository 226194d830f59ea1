/**
 * What an experiment with `name: adamw` inherits from one with ranger21 and cannot have: components, and another core. It is
 * left out where the name was written on top of it, by a file that extends another or by a flag. Where it was written beside
 * the name or later, it stays, and the schema refuses it: then both were asked for.
 */
import { placeName, type Place, type Source } from './source.ts';
import { find, type Entry, type MapTree, type Tree } from './tree.ts';

interface Part {
  /** Below `optimizer`. */
  readonly key: string;
  readonly at: Place;
}

/** The tree without it, and a line a user should read for each optimizer that lost something. `files` in the order they were merged. */
export function withoutInherited(tree: MapTree, files: readonly string[]): { tree: MapTree; notes: string[] } {
  const layerOf = ({ source }: Place) => layer(source, files);
  const optimizer = tree.entries.get('optimizer');
  if (optimizer?.value.kind !== 'map') return { tree, notes: [] };
  const name = optimizer.value.entries.get('name')?.value;
  if (!isAdamw(name)) return { tree, notes: armNotes(tree, optimizer.value) };
  const isUnder = (part: Tree) => placesOf(part).every((at) => layerOf(at) < layerOf(name.at));
  const { kept, parts } = split(optimizer.value, isUnder, name.at);
  const entries = new Map(tree.entries).set('optimizer', { ...optimizer, value: kept });
  return { tree: { ...tree, entries }, notes: noteOf('optimizer.name is adamw', name.at, parts) };
}

const layer = ({ kind, name }: Source, files: readonly string[]): number =>
  kind === 'flag' ? files.length : files.indexOf(name);

const isWord = (value: Tree | undefined, word: string) => value?.kind === 'scalar' && value.value === word;
const isAdamw = (name: Tree | undefined): name is Tree => isWord(name, 'adamw');

/** Where a value and all in it were written. */
const placesOf = (tree: Tree): Place[] =>
  tree.kind === 'map' ? [tree.at, ...[...tree.entries.values()].flatMap(({ value }) => placesOf(value))] : [tree.at];

/** The optimizer without the parts that ranger21 alone has and `isUnder` says are inherited. */
function split(
  optimizer: MapTree,
  isUnder: (part: Tree) => boolean,
  at: Place,
): { readonly kept: MapTree; readonly parts: Part[] } {
  const kept = new Map(optimizer.entries);
  const parts: Part[] = [];
  const keep = (key: string, entry: Entry, inner: Map<string, Entry>) => {
    if (inner.size === 0) kept.delete(key);
    else kept.set(key, { ...entry, value: { ...entry.value, entries: inner } as MapTree });
  };
  const components = optimizer.entries.get('components');
  if (components?.value.kind === 'map') {
    const inherited = [...components.value.entries].filter(([, { value }]) => isUnder(value));
    const isOn = inherited.filter(([, { value }]) => !(value.kind === 'scalar' && value.value === false));
    parts.push(...isOn.map(([name, { keyAt }]) => ({ key: `components.${name}`, at: keyAt })));
    const left = [...components.value.entries].filter(([, { value }]) => !isUnder(value));
    keep('components', components, new Map(left));
  }
  const core = optimizer.entries.get('core');
  const coreName = core?.value.kind === 'map' ? core.value.entries.get('name')?.value : undefined;
  if (core?.value.kind === 'map' && coreName && !isAdamw(coreName) && isUnder(coreName)) {
    parts.push({ key: 'core', at: core.keyAt });
    const left = [...core.value.entries].filter(([, { value }]) => !isUnder(value));
    const name: Entry = { keyAt: at, value: { kind: 'scalar', at, value: 'adamw' } };
    keep('core', core, new Map(left.length === 0 ? [] : [['name', name], ...left]));
  }
  return { kept: { ...optimizer, entries: kept }, parts };
}

/** An arm that is adamw starts anew, without what the config says of ranger21. */
function armNotes(tree: MapTree, optimizer: MapTree): string[] {
  const { tree: arms } = find(tree, ['study', 'arms']);
  if (arms.kind !== 'list') return [];
  return arms.items.flatMap((arm, i) => {
    const { tree: name, exact } = find(arm, ['set', 'optimizer', 'name']);
    if (!exact || !isAdamw(name)) return [];
    return noteOf(`study.arms[${i}] is adamw`, name.at, split(optimizer, () => true, name.at).parts);
  });
}

function noteOf(what: string, at: Place, parts: readonly Part[]): string[] {
  if (parts.length === 0) return [];
  const list = parts.map((part) => `optimizer.${part.key} (${placeName(part.at)})`).join(', ');
  return [`${what} (${placeName(at)}): left out ${list}, which ranger21 alone has`];
}
