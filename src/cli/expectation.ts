/** Telling whether what a config expects came true, at the end of `run` and `ablate`. */
import type { Expect } from '../config/expect.ts';
import { loadExperiment } from '../config/load.ts';
import type { Experiment } from '../config/schema.ts';
import { exitCode, UserError } from '../errors.ts';
import { expectations } from '../experiment/compare/expectations.ts';
import { expectationLine } from '../report/expectText.ts';
import { canonicalJson, identity } from '../runs/id.ts';
import { listStudy } from '../runs/list.ts';
import type { RunResult } from '../runs/metrics.ts';
import type { Arm, Protocol, StudyPlan } from '../runs/study.ts';

/** The experiment, without its expectations where overrides made another of it than the config's. */
export async function asExpected(config: string, experiment: Experiment): Promise<Experiment> {
  return experiment.expect === undefined ? experiment : expectedOf(await ownExperiment(config))(experiment);
}

/** The arms, of which only those that are the config's own experiment expect what it does; none where it is tuned first. */
export async function armsAsExpected(
  config: string,
  arms: readonly Arm[],
  tier: Protocol['tier'] = 'T0',
): Promise<Arm[]> {
  if (arms.every(({ experiment }) => experiment.expect === undefined)) return [...arms];
  const expected = expectedOf(tier === 'T0' ? await ownExperiment(config) : undefined);
  return arms.map((arm) => ({ ...arm, experiment: expected(arm.experiment) }));
}

/** The config's own, without overrides; undefined where it is none without them. */
async function ownExperiment(config: string): Promise<Experiment | undefined> {
  try {
    return (await loadExperiment(config, { purpose: 'run' })).experiment;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Takes the expectations from whatever is not the same experiment but for its seed. */
function expectedOf(own: Experiment | undefined): (experiment: Experiment) => Experiment {
  const of = (experiment: Experiment) => canonicalJson(identity(experiment, 0, ''));
  const known = own && of(own);
  return ({ expect, ...experiment }) =>
    expect !== undefined && of(experiment) === known ? { ...experiment, expect } : experiment;
}

/** Says on stderr how the expectations came out; whether they were met. */
export function tellExpectations(what: string, expect: Expect, results: readonly RunResult[]): boolean {
  const found = expectations(expect, results);
  for (const expectation of found) console.error(`${what} expects ${expectationLine(expectation)}`);
  const met = found.every((expectation) => expectation.met === true);
  if (!met) console.error(`  ${what} expects it from: ${expect.source}`);
  return met;
}

/** The same of every arm of a study that expects something and has runs; whether all were met. */
export async function tellStudyExpectations(root: string, dir: string, plan: StudyPlan): Promise<boolean> {
  const expecting = plan.arms.filter(({ experiment }) => experiment.expect !== undefined);
  if (expecting.length === 0) return true;
  const entries = await listStudy(root, dir);
  const told = expecting.map(({ name, experiment }) => {
    const results = entries.flatMap(({ arm, result }) => (arm === name && result ? [result] : []));
    return tellExpectations(name, experiment.expect!, results);
  });
  return told.every(Boolean);
}

/** Only where it was asked for, and where nothing worse is to be told. */
export function exitAsExpected(met: boolean, isAsked: boolean | undefined): void {
  if (isAsked && !met) process.exitCode ??= exitCode.checkFailed;
}
