/**
 * What a config may abbreviate, written out before configs are merged, so that a file or flag that adds one key to an
 * abbreviation keeps what the abbreviation said.
 *
 *     core: madgrad                →  core: { name: madgrad }
 *     components: [agc, gc]        →  components: { agc: true, gc: true, pnm: false, … }     exactly these
 */
import { componentNames } from '../optim/components/registry.ts';
import type { Entry, MapTree, Tree } from './tree.ts';

export function writtenOut(config: MapTree): MapTree {
  return within(config, 'optimizer', (optimizer) =>
    optimizer.kind === 'map' ? within(within(optimizer, 'core', core), 'components', components) : optimizer,
  );
}

function within(tree: MapTree, key: string, change: (value: Tree) => Tree): MapTree {
  const entry = tree.entries.get(key);
  if (!entry) return tree;
  return { ...tree, entries: new Map(tree.entries).set(key, { ...entry, value: change(entry.value) }) };
}

const core = (value: Tree): Tree =>
  value.kind === 'scalar' && typeof value.value === 'string'
    ? { kind: 'map', at: value.at, whole: true, entries: new Map([['name', { keyAt: value.at, value }]]) }
    : value;

function components(list: Tree): Tree {
  if (list.kind !== 'list') return list;
  const entries = new Map<string, Entry>();
  for (const name of componentNames)
    entries.set(name, { keyAt: list.at, value: { kind: 'scalar', at: list.at, value: false } });
  for (const item of list.items) {
    if (item.kind !== 'scalar' || typeof item.value !== 'string') return list; // the schema says what is wrong with it
    entries.set(item.value, { keyAt: item.at, value: { ...item, value: true } });
  }
  return { kind: 'map', at: list.at, whole: true, entries };
}
