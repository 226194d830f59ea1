/**
 * What a config may abbreviate, written out before configs are merged, so that a file or flag that adds one key to an
 * abbreviation keeps what the abbreviation said.
 *
 *     core: madgrad                →  core: { name: madgrad }
 *     components: [agc, gc]        →  components: { agc: true, gc: true, pnm: false, … }     exactly these
 *
 * In an arm of `study.arms` the components only: a core named there stays a word, which says that its options start anew.
 */
import { componentNames } from '../optim/components/registry.ts';
import type { Entry, MapTree, Tree } from './tree.ts';

export function writtenOut(config: MapTree): MapTree {
  const whole = within(config, ['optimizer', 'components'], components);
  return within(within(whole, ['optimizer', 'core'], core), ['study', 'arms'], (arms) => {
    if (arms.kind !== 'list') return arms;
    const items = arms.items.map((arm) =>
      arm.kind === 'map' ? within(arm, ['set', 'optimizer', 'components'], components) : arm,
    );
    return { ...arms, items };
  });
}

/** The tree with the value at a path changed, where there is one. */
function within(tree: MapTree, [key, ...rest]: readonly string[], change: (value: Tree) => Tree): MapTree {
  const entry = key === undefined ? undefined : tree.entries.get(key);
  if (key === undefined || !entry) return tree;
  const { value } = entry;
  const changed = rest.length === 0 ? change(value) : value.kind === 'map' ? within(value, rest, change) : value;
  return { ...tree, entries: new Map(tree.entries).set(key, { ...entry, value: changed }) };
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
