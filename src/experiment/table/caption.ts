/** What a study trained, in the words that stand above its table. */
import type { RunEntry } from '../../runs/list.ts';
import { endedShort, type RunState } from '../../runs/statuses.ts';
import type { Protocol, StudyPlan } from '../../runs/study.ts';
import { chanceOf, completedOf } from './outcomes.ts';
import { powerlessFamilies } from './powerless.ts';
import { protocolOf } from '../study/protocol.ts';
import { backendsOf } from './rows.ts';
import { searchEdges } from '../search/notes.ts';

export interface Caption {
  readonly model: string;
  readonly dataset: string;
  readonly fingerprint: string;
  /** Height, width, channels; null in plans of version 0.1. */
  readonly image: readonly number[] | null;
  /** Training and held-out images. */
  readonly images: { readonly train: number; readonly test: number } | null;
  /** What failed runs count as, a share; `isRecorded`: from the plan's labels, else 1/C. Null where nothing says. */
  readonly chance: { readonly top1: number; readonly isRecorded: boolean } | null;
  readonly steps: number | null;
  readonly epochs: number;
  readonly batch: number;
  readonly seeds: readonly number[];
  readonly protocol: Protocol;
  readonly semantics: string;
  /** Options of the reference arm that are not those of its semantics; null in plans of version 0.1, which do not say. */
  readonly changedOptions: readonly string[] | null;
  readonly lr: number;
  readonly weightDecay: number;
  readonly backends: readonly string[];
  /** Processors, with their cores. */
  readonly machines: readonly string[];
  /** Versions of ranger21, with the commit where it is known. */
  readonly versions: readonly string[];
  /** First eight digits of the hash of the training code. */
  readonly code: readonly string[];
  /** Of the last run (ISO 8601, UTC). */
  readonly finishedAt: string | null;
  readonly runs: number;
  /** Failures of the arm, and runs that ran out of time, broke off or cannot be read. */
  readonly failed: number;
  /** Families that no difference can be significant in, with how many seeds would do. */
  readonly powerless: readonly string[];
  /** Arms whose best hyperparameters lie at the edge of what was searched, with their names. */
  readonly searchEdges: readonly string[];
}

const hasFailed = (state: RunState): boolean => endedShort(state) || state === 'failed' || state === 'unreadable';

export function tableCaption(plan: StudyPlan, entries: readonly RunEntry[]): Caption {
  const arm = plan.arms.find(({ name }) => name === plan.reference) ?? plan.arms[0];
  if (!arm) throw new Error('a plan without arms');
  const { model, dataset, train, optimizer } = arm.experiment;
  const { facts } = plan;
  const chance = chanceOf(plan);
  const results = entries.flatMap(({ result }) => result ?? []);
  return {
    model: named(model),
    dataset: named(dataset),
    fingerprint: plan.fingerprint,
    image: facts?.shape ?? null,
    images: facts ? { train: facts.train, test: facts.test } : null,
    chance: chance === undefined ? null : { top1: chance, isRecorded: facts?.chance !== undefined },
    steps: completedOf(entries)[0]?.result.steps ?? null,
    epochs: train.epochs,
    batch: train.batch,
    seeds: plan.seeds,
    protocol: protocolOf(plan),
    semantics: optimizer.semantics,
    changedOptions: plan.changedOptions ?? null,
    lr: optimizer.lr,
    weightDecay: optimizer.weightDecay,
    backends: backendsOf(entries),
    machines: distinct(entries.map(({ result, env }) => result && env && `${env.cpu.model}, ${env.cpu.cores} cores`)),
    versions: distinct(entries.map((entry) => entry.result && versionOf(entry))),
    code: distinct(results.map(({ code }) => code?.slice(0, 8))),
    finishedAt:
      results
        .map(({ finishedAt }) => finishedAt)
        .sort()
        .at(-1) ?? null,
    runs: plan.runs.length,
    failed: entries.filter(({ state }) => hasFailed(state)).length,
    powerless: powerlessFamilies(plan),
    searchEdges: searchEdges(plan),
  };
}

const distinct = (texts: readonly (string | undefined)[]): string[] => [
  ...new Set(texts.filter((text) => text !== undefined)),
];

/** `resnet20`, `nf-resnet50 (preset deepmind)`: the name and the options that are set; no folder names. */
function named({ name, ...options }: { readonly name: string } & Readonly<Record<string, unknown>>): string {
  const set = Object.entries(options).filter(
    ([key, value]) => key !== 'root' && value !== undefined && value !== null && typeof value !== 'object',
  );
  return set.length === 0 ? name : `${name} (${set.map(([key, value]) => `${key} ${String(value)}`).join(', ')})`;
}

/** `0.1.0@3f2a91c0 (edited)` */
export function versionOf({ env }: RunEntry): string | undefined {
  if (!env) return undefined;
  return env.git ? `${env.version}@${env.git.sha.slice(0, 8)}${env.git.dirty ? ' (edited)' : ''}` : env.version;
}
