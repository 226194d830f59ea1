/** A config file to an experiment, or to one error that tells everything wrong with it. */
import { basename } from 'node:path';
import { armProblems } from './armProblems.ts';
import { conflicts, studyConflicts, type Conflict } from './conflicts.ts';
import type { Environment } from './environment.ts';
import { readConfig } from './files.ts';
import { issueProblems, locate } from './issues.ts';
import { configJsonSchema } from './jsonSchema.ts';
import { withoutInherited } from './leftOut.ts';
import { isMap, originOf, type Origin } from './origin.ts';
import { override, type Overrides } from './overrides.ts';
import { configError, type Problem } from './problem.ts';
import { blocks, type Experiment, type StudyBlock } from './schema.ts';
import { searchConflicts } from './searchConflicts.ts';
import { plain, unsetReferences, type MapTree } from './tree.ts';

export interface Loaded {
  readonly experiment: Experiment;
  readonly origin: Origin;
  /** The files it was read from, the one asked for last. */
  readonly files: readonly string[];
  /** Lines to tell the user. */
  readonly notes: readonly string[];
}

export interface LoadOptions extends Overrides {
  readonly env?: Environment;
  /** A `run` uses nothing of the study, whatever it says of components and arms, and a `sweep` its search alone. */
  readonly purpose?: 'run' | 'sweep' | 'study';
  /** Looks further in the blocks that are valid. */
  readonly alsoCheck?: (parts: Partial<Experiment>) => readonly Conflict[];
}

/** Reads, merges, overrides and validates; throws a UserError naming every problem with its place. */
export async function loadExperiment(
  path: string,
  { env = process.env, purpose = 'study', alsoCheck = () => [], ...overrides }: LoadOptions = {},
): Promise<Loaded> {
  const problems: Problem[] = [];
  const { tree: merged, files } = await readConfig(path, env, problems);
  const overridden = override(merged, overrides, env, problems);
  const { tree, notes } = withoutInherited(overridden, files);
  const input = { name: nameOf(path), ...(plain(tree) as object) };
  const unset = unsetReferences(tree);
  const isUnset = ({ at }: Problem) => unset.some((reference) => reference.at === at);
  const { experiment, problems: found } = validate(input, tree, { purpose, alsoCheck });
  problems.push(...unset, ...found.filter((problem) => !isUnset(problem))); // what takes its place is not checked
  if (!experiment || problems.length > 0) throw configError(`${path} is not a valid experiment`, problems, remedy);
  return { experiment, origin: originOf(experiment, tree), files, notes };
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
  { purpose, alsoCheck }: Required<Pick<LoadOptions, 'purpose' | 'alsoCheck'>>,
): { experiment: Experiment | undefined; problems: Problem[] } {
  const whole = blocks.safeParse(input);
  const issues = whole.success ? [] : issueProblems(whole.error.issues, input, tree, configJsonSchema);
  const valid = Object.entries(blocks.shape).flatMap(([key, schema]) => {
    const block = schema.safeParse(input[key]);
    return block.success ? [[key, block.data]] : [];
  });
  const parts = Object.fromEntries(valid) as Partial<Experiment>; // each block was just parsed by its own schema
  const between = [
    ...conflicts(parts),
    ...(purpose === 'run' ? [] : searchConflicts(parts)), // an arm need not have all that its study searches
    ...(purpose === 'study' ? studyConflicts(withValidStudyKeys(parts, input)) : []),
    ...alsoCheck(parts),
  ].map(({ path, message }) => locate(tree, path, message));
  const ofArms = purpose === 'study' ? armProblems(parts, tree) : [];
  return { experiment: whole.data, problems: [...issues, ...between, ...ofArms] };
}

/** With the keys of the study that are valid where it is not as a whole. */
function withValidStudyKeys(parts: Partial<Experiment>, { study }: Record<string, unknown>): Partial<Experiment> {
  if (parts.study || !isMap(study)) return parts;
  const valid = Object.entries(blocks.shape.study.unwrap().shape).flatMap(([key, schema]) => {
    const value = schema.safeParse(study[key]);
    return value.success ? [[key, value.data]] : [];
  });
  return { ...parts, study: Object.fromEntries(valid) as StudyBlock };
}
