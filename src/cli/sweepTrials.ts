/** The trials of `sweep`: the search of a study with one arm, all trials in one folder. */
import { parse } from 'yaml';
import type { z } from 'zod';
import { isMap } from '../config/origin.ts';
import type { Experiment } from '../config/schema.ts';
import { rangeKinds, rangeSchema, searchSchema, type Range, type SearchBlock } from '../config/search.ts';
import { keyProblem } from '../config/searchConflicts.ts';
import { didYouMean } from '../didYouMean.ts';
import { UserError } from '../errors.ts';
import type { Engine } from '../experiment/execute.ts';
import { probeStep } from '../experiment/study/probe.ts';
import { byScore, ledgerArms } from '../experiment/search/ledger.ts';
import { searchSeeds } from '../experiment/search/trialPlan.ts';
import { searchTrials, type Trial } from '../experiment/search/trials.ts';
import { planFor } from '../experiment/train.ts';
import type { Ledger } from '../runs/tuning.ts';
import { anotherStudy } from './anotherStudy.ts';
import { loadConfig } from './loadConfig.ts';
import { seconds } from './progress.ts';
import {
  heldOutData,
  keepLedger,
  ledgerOf,
  plannedTrials,
  readTrials,
  trainTrials,
  type Search,
  type SearchEnd,
} from './searchStages.ts';
import type { StudyOptions } from './trainStudy.ts';

interface Asked {
  readonly study: string;
  readonly experiment: Experiment;
  readonly block: SearchBlock;
  readonly trials: readonly Trial[];
  readonly remedy: string;
}

interface Choice {
  readonly runs: string;
  readonly space?: string[] | undefined;
  readonly trials?: number | undefined;
  readonly design?: SearchBlock['design'] | undefined;
  readonly seeds?: number | undefined;
  readonly study?: string | undefined;
  readonly set?: string[] | undefined;
  readonly unset?: string[] | undefined;
}

/** What a config and the command line ask for. */
export async function askedSweep(config: string, options: Choice): Promise<Asked> {
  const { set, unset, study: name } = options;
  const flags = name === undefined ? [] : [{ typed: `--study ${name}`, key: 'study.name', value: name }];
  const { experiment } = await loadConfig(config, { set, unset, flags, purpose: 'sweep' });
  const own = experiment.study?.search ?? searchSchema.parse({});
  const block: SearchBlock = {
    ...own,
    ...(options.space && { space: askedSpace(options.space, experiment) }),
    ...(options.trials !== undefined && { budget: options.trials }),
    ...(options.design && { design: options.design }),
    ...(options.seeds !== undefined && { seeds: options.seeds }),
  };
  if (Object.keys(block.space).length === 0) {
    throw new UserError(`${config} does not say what to search`, {
      remedy: "give a range, --space 'optimizer.lr={log: [1e-4, 1e-1]}', or study.search.space in the config",
    });
  }
  // the config's study name is that of its ablation: a sweep has a folder of its own
  const study = options.study ?? `${experiment.name}-sweep`;
  const trials = searchTrials(experiment.name, experiment, block, '');
  return { study, experiment, block, trials, remedy: anotherStudy(options, study) };
}

/** `key=range` each, the range in YAML. */
function askedSpace(texts: readonly string[], experiment: Experiment): Record<string, Range> {
  return Object.fromEntries(
    texts.map((text) => {
      const equals = text.indexOf('=');
      const key = text.slice(0, Math.max(0, equals)).trim();
      const value = equals < 0 ? undefined : yamlValue(text.slice(equals + 1));
      const range = rangeSchema.safeParse(value);
      const problem = range.success ? keyProblem(key, range.data, experiment, false) : rangeProblem(value, range.error);
      if (problem === undefined) return [key, range.data!];
      throw new UserError(`--space ${text}: ${problem}`, {
        remedy:
          'write it like optimizer.lr={log: [1e-4, 1e-1]}; the other kinds are linear, int, choice and oneMinusLog',
      });
    }),
  );
}

const rangeProblem = (value: unknown, error: z.ZodError): string =>
  isMap(value) ? error.issues.flatMap(issueTexts).join('; ') : 'expected key={log: [from, to]}';

function issueTexts(issue: z.core.$ZodIssue): string[] {
  if (issue.code !== 'unrecognized_keys') return [[...issue.path, issue.message].join(' ')];
  return issue.keys.map((key) => {
    const meant = didYouMean(key, rangeKinds);
    return `unknown kind of range ${key}${meant ? `; did you mean ${meant}?` : ''}`;
  });
}

function yamlValue(text: string): unknown {
  try {
    return parse(text, { logLevel: 'silent', maxAliasCount: 0 });
  } catch {
    return undefined;
  }
}

async function searchOf(dir: string, { study, experiment, block, remedy }: Asked): Promise<Search> {
  const heldOut = await heldOutData(experiment.dataset, block);
  return { study, tier: null, dir, block, seeds: searchSeeds(block, []), heldOut, remedy };
}

/** The best trial first. */
const sorted = (ledger: Ledger): Ledger => ({ ...ledger, trials: [...ledger.trials].sort(byScore) });

/** Trains what is missing. */
export async function tryAll(
  dir: string,
  asked: Asked,
  options: StudyOptions,
): Promise<{ readonly ledger: Ledger; readonly end: SearchEnd | undefined }> {
  const search = await searchOf(dir, asked);
  const { records, end } = await trainTrials(search, dir, asked.trials, options);
  const ledger = ledgerOf(search, records);
  await keepLedger(dir, ledger);
  return { ledger: sorted(ledger), end };
}

/** The trials as far as they are trained, and what the rest would cost. */
export async function readAll(
  dir: string,
  asked: Asked,
  engine: Engine,
): Promise<{ readonly ledger: Ledger; readonly cost: string }> {
  const search = await searchOf(dir, asked);
  const plan = await plannedTrials(search, dir, asked.trials);
  const records = await readTrials(search, dir, asked.trials, plan);
  const one = planFor(asked.trials[0]!.experiment, search.heldOut);
  const { msPerStep } = await probeStep(one, engine);
  const missing = plan.runs.length - ledgerArms(records).arms.reduce((sum, { runs }) => sum + runs, 0);
  const cost =
    `${missing} of ${plan.runs.length} runs to train · ${one.totalSteps} steps each · about ` +
    `${seconds((missing * one.totalSteps * msPerStep) / 1000)}, evaluation aside`;
  return { ledger: sorted(ledgerOf(search, records)), cost };
}
