/** What is wrong with the arms of `study.arms`, each checked as the whole experiment it makes. */
import { sharedValues, startsAnew, withSet } from './arms.ts';
import { conflicts } from './conflicts.ts';
import { issueProblems, locate } from './issues.ts';
import { configJsonSchema } from './jsonSchema.ts';
import { isMap } from './origin.ts';
import { pathName, type Path, type Problem } from './problem.ts';
import { blocks, type Experiment } from './schema.ts';
import { find, merge, plain, type MapTree } from './tree.ts';

/** `base` has the blocks of the experiment that are valid. */
export function armProblems(base: Partial<Experiment>, tree: MapTree): Problem[] {
  const { tree: arms, exact } = find(tree, ['study', 'arms']);
  if (!exact || arms.kind !== 'list') return [];
  const ofBase = new Set(conflicts(base).map(told));
  return arms.items.flatMap((arm, i) => {
    const set = arm.kind === 'map' ? arm.entries.get('set')?.value : undefined;
    if (arm.kind !== 'map' || set?.kind !== 'map') return []; // the schema says what is wrong with it
    return [
      ...deletions(set, ['study', 'arms', i, 'set']),
      ...settingProblems(base, set, inherited(tree, set), ofBase).map((found) => inArm(found, arm, set, i)),
    ];
  });
}

const told = ({ path, message }: { path: Path; message: string }): string => `${pathName(path)} ${message}`;

function deletions(map: MapTree, path: Path): Problem[] {
  const message = '!delete takes away what a file inherits; in an arm write the value instead';
  return [...map.entries].flatMap(([key, { keyAt, value }]): Problem[] => {
    if (value.kind === 'delete') return [{ at: keyAt, path: [...path, key], message }];
    return value.kind === 'map' ? deletions(value, [...path, key]) : [];
  });
}

/** What an arm takes from the config, with its places. */
function inherited(tree: MapTree, set: MapTree): MapTree {
  const entries = new Map(tree.entries);
  entries.delete('study');
  const optimizer = entries.get('optimizer');
  const own = plain(set.entries.get('optimizer')?.value ?? set);
  if (optimizer?.value.kind === 'map' && isMap(own) && startsAnew(own)) {
    const kept = [...optimizer.value.entries].filter(([key]) => key === 'lr' || key === 'weightDecay');
    entries.set('optimizer', { ...optimizer, value: { ...optimizer.value, entries: new Map(kept) } });
  }
  return { ...tree, entries };
}

interface Found extends Problem {
  /** Whether a file or a flag holds the value, or something in its place. */
  readonly isWritten: boolean;
}

/** The paths of the problems are those of an experiment, the places those where it was written. */
function settingProblems(
  base: Partial<Experiment>,
  set: MapTree,
  under: MapTree,
  ofBase: ReadonlySet<string>,
): Found[] {
  const { study: _, expect: _expect, ...own } = base;
  const values = plain(set) as Record<string, unknown>;
  const input = withSet(own, values);
  const written = merge(under, set, []);
  const whole = blocks.safeParse(input);
  const issues = (whole.error?.issues ?? []).filter(({ path, code }) => {
    const [block] = path as Path;
    if (block === undefined || base[block as keyof Experiment] !== undefined) return true;
    // the base's block is invalid itself, and told as such
    return block in values && code !== 'custom' && find(set, path as Path).exact;
  });
  const valid = Object.entries(blocks.shape).flatMap(([key, schema]) => {
    if (base[key as keyof Experiment] === undefined) return [];
    const block = schema.safeParse(input[key]);
    return block.success ? [[key, block.data]] : [];
  });
  const between = conflicts(Object.fromEntries(valid) as Partial<Experiment>).filter((one) => !ofBase.has(told(one)));
  return [
    ...issueProblems(issues, input, written, configJsonSchema),
    ...[...sharedValues(values), ...between].map(({ path, message }) => locate(written, path, message)),
  ].map((problem) => {
    const { exact, tree } = find(written, problem.path);
    return { ...problem, isWritten: exact || tree.kind !== 'map' };
  });
}

/** The problem with the arm it is in: below its `set`, in what it inherits, or, where nobody wrote the value, at the arm. */
function inArm({ isWritten, ...problem }: Found, arm: MapTree, set: MapTree, i: number): Problem {
  const { path, at, message } = problem;
  const place = ['study', 'arms', i, 'set'];
  const { tree, keyAt } = find(set, path);
  if (at === tree.at || at === keyAt) return { at, path: [...place, ...path], message };
  const name = plain(arm.entries.get('name')?.value ?? arm);
  if (isWritten)
    return { at, path, message: `in arm ${typeof name === 'string' ? name : pathName(place)}: ${message}` };
  return { at: arm.entries.get('set')!.keyAt, path: place, message: `${pathName(path)}: ${message}` };
}
