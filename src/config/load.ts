/** A config file to an experiment, or to one error that tells everything wrong with it. */
import { basename } from 'node:path';
import type { Environment } from './environment.ts';
import { conflicts } from './conflicts.ts';
import { readConfig } from './files.ts';
import { issueProblems, locate } from './issues.ts';
import { configJsonSchema } from './jsonSchema.ts';
import { originOf, type Origin } from './origin.ts';
import { override, type Overrides } from './overrides.ts';
import { configError, type Problem } from './problem.ts';
import { blocks, type Experiment } from './schema.ts';
import { searchConflicts } from './searchConflicts.ts';
import { plain, unsetReferences, type MapTree } from './tree.ts';

export interface Loaded {
  readonly experiment: Experiment;
  readonly origin: Origin;
  /** The files it was read from, the one asked for last. */
  readonly files: readonly string[];
}

/** Reads, merges, overrides and validates; throws a UserError naming every problem with its place. */
export async function loadExperiment(
  path: string,
  { env = process.env, ...overrides }: Overrides & { readonly env?: Environment } = {},
): Promise<Loaded> {
  const problems: Problem[] = [];
  const { tree: merged, files } = await readConfig(path, env, problems);
  const tree = override(merged, overrides, env, problems);
  const input = { name: nameOf(path), ...(plain(tree) as object) };
  const unset = unsetReferences(tree);
  const isUnset = ({ at }: Problem) => unset.some((reference) => reference.at === at);
  const { experiment, problems: found } = validate(input, tree);
  problems.push(...unset, ...found.filter((problem) => !isUnset(problem))); // what takes its place is not checked
  if (!experiment || problems.length > 0) throw configError(`${path} is not a valid experiment`, problems, remedy);
  return { experiment, origin: originOf(experiment, tree), files };
}

const remedy = 'correct the places above; `ranger21 config schema` prints every key';

/** `configs/digits-resnet.yaml` → `digits-resnet`. */
const nameOf = (path: string) =>
  basename(path)
    .replace(/\.ya?ml$/, '')
    .replaceAll(/[^\w.-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 100) || 'experiment';

/** Block by block, so that a mistake in one does not hide a conflict between two others. */
function validate(
  input: Record<string, unknown>,
  tree: MapTree,
): { experiment: Experiment | undefined; problems: Problem[] } {
  const whole = blocks.safeParse(input);
  const issues = whole.success ? [] : issueProblems(whole.error.issues, input, tree, configJsonSchema);
  const valid = Object.entries(blocks.shape).flatMap(([key, schema]) => {
    const block = schema.safeParse(input[key]);
    return block.success ? [[key, block.data]] : [];
  });
  const parts = Object.fromEntries(valid) as Partial<Experiment>; // each block was just parsed by its own schema
  // of the search only here: an arm without a component has not all that its study searches
  const found = [...conflicts(parts), ...searchConflicts(parts)];
  const between = found.map(({ path, message }) => locate(tree, path, message));
  return { experiment: whole.data, problems: [...issues, ...between] };
}
