/** What a study trained, in the words that stand above its table. */
import type { RunEntry } from '../runs/list.ts';
import type { StudyPlan } from '../runs/study.ts';
import { backendsOf } from './rows.ts';

export interface Caption {
  readonly model: string;
  readonly dataset: string;
  readonly fingerprint: string;
  readonly epochs: number;
  readonly batch: number;
  readonly seeds: readonly number[];
  readonly semantics: string;
  readonly lr: number;
  readonly weightDecay: number;
  readonly backends: readonly string[];
  /** Versions of ranger21, with the commit where it is known. */
  readonly versions: readonly string[];
  /** Of the last run (ISO 8601, UTC). */
  readonly finishedAt: string | null;
}

export function tableCaption(plan: StudyPlan, entries: readonly RunEntry[]): Caption {
  const arm = plan.arms.find(({ name }) => name === plan.reference) ?? plan.arms[0];
  if (!arm) throw new Error('a plan without arms');
  const { model, dataset, train, optimizer } = arm.experiment;
  return {
    model: named(model),
    dataset: named(dataset),
    fingerprint: plan.fingerprint,
    epochs: train.epochs,
    batch: train.batch,
    seeds: plan.seeds,
    semantics: optimizer.semantics,
    lr: optimizer.lr,
    weightDecay: optimizer.weightDecay,
    backends: backendsOf(entries),
    versions: [...new Set(entries.flatMap((entry) => (entry.result ? (versionOf(entry) ?? []) : [])))],
    finishedAt:
      entries
        .flatMap(({ result }) => result?.finishedAt ?? [])
        .sort()
        .at(-1) ?? null,
  };
}

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
