/** Two runs, number for number: where they part, and by how much. */
import type { Experiment } from '../../config/schema.ts';
import { differingKeys, type Config } from '../../runs/configs.ts';
import { identity } from '../../runs/id.ts';
import type { RunEntry } from '../../runs/list.ts';
import type { RunLogs } from '../../runs/read.ts';

export interface ReadRun extends RunLogs {
  readonly entry: RunEntry;
  readonly config: Config;
  /** What its newest checkpoint belongs to, which tells of an unfinished run what the result would. */
  readonly saved: Readonly<Record<string, string>>;
}

export interface Pair {
  readonly key: string;
  readonly a: unknown;
  readonly b: unknown;
}

/** |a − b| of a number both have; Infinity where one of them is not finite. */
export interface NumberPair {
  readonly key: string;
  readonly a: number | undefined;
  readonly b: number | undefined;
  readonly difference: number | undefined;
}

/** Two logs of numbers by step. */
export interface LogDifference {
  /** Lines of each. */
  readonly lines: readonly [number, number];
  /** The first step at which they differ, or that only one of them has, and the keys that do. */
  readonly first: { readonly step: number; readonly keys: readonly NumberPair[] } | null;
  /** Of each key that ever differs, where it differs most over the steps that both have; the largest first. */
  readonly largest: readonly (NumberPair & { readonly step: number })[];
}

export interface RunDifference {
  readonly equal: boolean;
  /** Of the configs, as far as they determine the result. */
  readonly config: readonly Pair[];
  /** Status, data, code, engine and weights. */
  readonly facts: readonly Pair[];
  /** What differs besides and decides nothing by itself: labels, how often is saved, the machine. */
  readonly beside: readonly Pair[];
  readonly metrics: LogDifference;
  readonly evaluations: LogDifference;
}

export function runDifference(a: ReadRun, b: ReadRun): RunDifference {
  const config = pairs(determining(a), determining(b));
  const counted = new Set(config.map(({ key }) => key));
  const facts = pairs(factsOf(a), factsOf(b));
  const metrics = logDifference(a.steps.map(deterministic), b.steps.map(deterministic));
  const evaluations = logDifference(a.evaluations, b.evaluations);
  return {
    equal: config.length + facts.length === 0 && metrics.first === null && evaluations.first === null,
    config,
    facts,
    beside: [...pairs(a.config, b.config).filter(({ key }) => !counted.has(key)), ...pairs(machineOf(a), machineOf(b))],
    metrics,
    evaluations,
  };
}

const pairs = (a: unknown, b: unknown): Pair[] =>
  differingKeys([a, b]).map(({ key, values }) => ({ key, a: values[0], b: values[1] }));

/** The config without what a run is the same run without. */
function determining({ config }: ReadRun): unknown {
  if (!('eval' in config && 'dataset' in config)) return config;
  const { seed } = config as Experiment;
  const { trajectoryVersion: _, fingerprint: __, ...rest } = identity(config as Experiment, seed, '') as Config;
  return rest;
}

function factsOf({ entry, saved }: ReadRun): Config {
  const { state, result, env } = entry;
  const {
    name,
    device,
    threads,
    precision = 'float32',
    determinism = 'default',
    xla = 'off',
  } = result?.backend ?? env?.backend ?? {};
  return {
    status: state,
    data: result?.fingerprint ?? saved['data'],
    code: result?.code ?? saved['code'],
    engine: { backend: name, device, threads, precision, determinism, xla },
    weights: result?.weights,
    pairing: result?.pairing,
  };
}

/** What may explain a difference. */
function machineOf({ entry: { env, result } }: ReadRun): Config {
  const { version, git, lockfile, node, platform, cpu, backend } = env ?? {};
  return {
    'ranger21 version': version,
    'git commit': git?.sha,
    'git edited': git?.dirty,
    'package-lock.json': lockfile,
    node,
    platform,
    cpu: cpu && `${cpu.model}, ${cpu.cores} cores`,
    'engine in words': (result?.backend ?? backend)?.detail,
    attempts: result?.attempts,
  };
}

/** A row of `metrics.jsonl` without its timing, flat. */
function deterministic(row: ReadRun['steps'][number]): Row {
  const { meters = {}, ms: _, imagesPerSecond: __, dataWaitMs: ___, ...numbers } = row;
  return {
    ...numbers,
    ...Object.fromEntries(Object.entries(meters).map(([name, value]) => [`meters/${name}`, value])),
  };
}

type Row = { readonly step: number } & Readonly<Record<string, number | undefined>>;

function logDifference(a: readonly object[], b: readonly object[]): LogDifference {
  const [mine, theirs] = [bySteps(a as readonly Row[]), bySteps(b as readonly Row[])];
  const steps = [...new Set([...mine.keys(), ...theirs.keys()])].sort((x, y) => x - y);
  let first: LogDifference['first'] = null;
  const largest = new Map<string, NumberPair & { readonly step: number }>();
  for (const step of steps) {
    const [x, y] = [mine.get(step), theirs.get(step)];
    const keys = x && y ? differingNumbers(x, y) : [];
    if (first === null && (!x || !y || keys.length > 0)) first = { step, keys };
    for (const pair of keys) {
      if (largest.has(pair.key) && !((pair.difference ?? 0) > (largest.get(pair.key)!.difference ?? 0))) continue;
      largest.set(pair.key, { ...pair, step });
    }
  }
  const ranked = [...largest.values()].sort((p, q) => (q.difference ?? 0) - (p.difference ?? 0));
  return { lines: [a.length, b.length], first, largest: ranked };
}

const bySteps = (rows: readonly Row[]) => new Map(rows.map((row) => [row.step, row]));

function differingNumbers(x: Row, y: Row): NumberPair[] {
  const keys = [...new Set([...Object.keys(x), ...Object.keys(y)])];
  return keys.flatMap((key) => {
    const [a, b] = [x[key], y[key]];
    if (Object.is(a, b)) return [];
    return [{ key, a, b, difference: a === undefined || b === undefined ? undefined : distance(a, b) }];
  });
}

const distance = (a: number, b: number): number => (Number.isFinite(a - b) ? Math.abs(a - b) : Infinity);
