/** Any runs beside each other: what differs in their configs, what they came to, and paired differences where they share seeds. */
import type { Experiment } from '../../config/schema.ts';
import { differingKeys, type Config, type Differing } from '../../runs/configs.ts';
import { canonicalJson, identity } from '../../runs/id.ts';
import type { RunEntry } from '../../runs/list.ts';
import type { Arm, Protocol } from '../../runs/study.ts';
import { compare, corrected, type Comparison } from '../table/comparison.ts';
import { completedOf, failuresOf, type ArmRuns } from '../table/outcomes.ts';
import type { Spread } from '../table/rows.ts';
import { mean, sampleSd } from '../statistics/describe.ts';

export interface RunConfig {
  readonly entry: RunEntry;
  readonly config: Config;
}

/** Runs of one configuration, which differ in their seeds. */
export interface Configuration {
  readonly name: string;
  readonly runs: readonly string[];
  readonly seeds: readonly number[];
  readonly completed: number;
  /** Runs that failed: outcomes of the configuration, not of the machine. */
  readonly failed: number;
  /** Held-out, at the last step, over the completed runs. */
  readonly top1: Spread | null;
  readonly loss: Spread | null;
  readonly trainSeconds: Spread | null;
  /** With the first configuration; null for that one. */
  readonly comparison: Comparison | null;
}

export interface RunComparison {
  readonly alpha: number;
  readonly delta: number;
  /** Keys of the configs that are not the same in all configurations, with one value each. */
  readonly differing: readonly Differing[];
  readonly configurations: readonly Configuration[];
}

/** The protocol of a comparison nobody planned: what a study has by default. */
const unplanned: Protocol = { alpha: 0.05, delta: 0.002, tier: 'T0', headline: '' };

/** What names a run, or decides what it writes down and how often: no part of what is compared. */
const labels = ['name', 'study', 'seed', 'log', 'checkpoint', 'expect'];

/**
 * In the order of the runs; the first one's configuration is the reference. `chance` is the accuracy of guessing, which failed runs
 * count for; undefined where it is not known.
 */
export function compareRuns(
  runs: readonly RunConfig[],
  { chance, acceptDrift }: { readonly chance?: number | undefined; readonly acceptDrift?: boolean | undefined } = {},
): RunComparison {
  const groups = grouped(runs);
  const differing = differingKeys(groups.map(([first]) => withoutLabels(first!.config)));
  const arms = named(groups, differing).map((name, i) => armOf(name, groups[i]!));
  const [reference, ...others] = arms;
  const comparisons = corrected(
    others.map((arm) => {
      const refused = refusal(arm, reference!, acceptDrift ?? false);
      return compare(arm, reference!, 'named', unplanned, {
        chance,
        refused,
        objection: objection(arm, reference!, chance),
      });
    }),
    unplanned,
  );
  const { alpha, delta } = unplanned;
  const configurations = arms.map((arm, i) => configuration(arm, i === 0 ? null : comparisons[i - 1]!));
  return { alpha, delta, differing, configurations };
}

const withoutLabels = (config: Config): Config =>
  Object.fromEntries(Object.entries(config).filter(([key]) => !labels.includes(key)));

/** By what determines a result apart from the seed. Copies of a run stand where the first of them stands. */
function grouped(runs: readonly RunConfig[]): RunConfig[][] {
  const groups = new Map<string, RunConfig[]>();
  for (const run of runs) {
    const { entry, config } = run;
    const isKnown = 'eval' in config && 'dataset' in config;
    const key = isKnown ? canonicalJson(identity(config as Experiment, 0, entry.result?.fingerprint ?? '')) : entry.dir;
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  return [...groups.values()];
}

/** The arm, else the folder's name without the id; where two are alike, with what differs between them. */
function named(groups: readonly (readonly RunConfig[])[], differing: readonly Differing[]): string[] {
  const plain = groups.map(([first]) => {
    const { arm, path } = first!.entry;
    return arm ?? (path.split('/').at(-1) ?? path).replace(/-[0-9a-f]{8}$/, '');
  });
  return plain.map((name, i) => {
    const alike = plain.flatMap((other, j) => (other === name ? [j] : []));
    if (alike.length === 1) return name;
    const apart = differing.filter(({ values }) => new Set(alike.map((j) => JSON.stringify(values[j]))).size > 1);
    const text = apart.map(({ key, values }) => `${key}=${JSON.stringify(values[i])}`).join(' ');
    return text === '' ? groups[i]![0]!.entry.path : `${name} ${text}`;
  });
}

function armOf(name: string, runs: readonly RunConfig[]): ArmRuns {
  const bySeed = new Map<number, RunEntry>();
  for (const { entry } of runs) if (entry.seed !== undefined && !bySeed.has(entry.seed)) bySeed.set(entry.seed, entry);
  const experiment = runs[0]!.config as Experiment; // of the arm only its name is looked at
  const arm: Arm = { name, kind: 'named', components: [], experiment };
  return { arm, entries: runs.map(({ entry }) => entry), bySeed };
}

/** Why two configurations may not be compared: the same grounds on which a study's table is refused. */
function refusal(arm: ArmRuns, reference: ArmRuns, acceptDrift: boolean): string | null {
  const facts: readonly (readonly [string, (run: ArmRuns) => readonly unknown[]])[] = [
    ['steps', (runs) => completedOf(runs.entries).map(({ result }) => result.steps)],
    ['training data', (runs) => completedOf(runs.entries).map(({ result }) => result.fingerprint)],
    ['precision', (runs) => completedOf(runs.entries).map(({ result }) => result.backend.precision ?? 'float32')],
    ['batch size', ({ arm }) => [arm.experiment.train?.batch]],
    ['evaluation', ({ arm }) => [arm.experiment.eval?.every]],
    ...(acceptDrift
      ? []
      : [['training code', (runs: ArmRuns) => completedOf(runs.entries).map(({ result }) => result.code)] as const]),
  ];
  const odd = facts.find(([, of]) => new Set([...of(arm), ...of(reference)]).size > 1);
  return odd === undefined ? null : `${odd[0]} ${odd[0] === 'steps' ? 'differ' : 'differs'}`;
}

/** Why the differences, though taken, decide nothing. */
function objection(arm: ArmRuns, reference: ArmRuns, chance: number | undefined): string | null {
  const failed = failuresOf([...arm.entries, ...reference.entries]).length;
  return failed > 0 && chance === undefined ? `${failed} failed, and what guessing scores is not known` : null;
}

function configuration({ arm, entries, bySeed }: ArmRuns, comparison: Comparison | null): Configuration {
  const completed = completedOf([...bySeed.values()]);
  const spread = (xs: readonly number[]): Spread | null =>
    xs.length === 0 ? null : { mean: mean(xs), sd: xs.length < 2 ? null : sampleSd(xs), n: xs.length };
  return {
    name: arm.name,
    runs: entries.map(({ path }) => path),
    seeds: [...bySeed.keys()],
    completed: completed.length,
    failed: failuresOf([...bySeed.values()]).length,
    top1: spread(completed.map(({ result }) => result.last.top1)),
    loss: spread(completed.map(({ result }) => result.last.loss)),
    trainSeconds: spread(completed.map(({ result }) => result.trainSeconds)),
    comparison,
  };
}
