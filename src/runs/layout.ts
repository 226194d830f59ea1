/** Where things lie in the folder of a run and of a study. */
import { id8 } from './id.ts';

/** A study run's folder, inside the study's. */
export const studyRunPath = (arm: string, seed: number, id: string): string => `${arm}/${seed}-${id8(id)}`;

export const runFiles = {
  config: 'config.yaml',
  env: 'env.json',
  steps: 'metrics.jsonl',
  evaluations: 'evals.jsonl',
  /** Written last: a run is finished if and only if it is there. */
  result: 'result.json',
  /** Why an attempt ended without a result. */
  attempt: 'attempt.json',
  /** Folder of the attempts before this one, 1, 2, … */
  attempts: 'attempts',
  /** Process id of the writer, as long as there is one. */
  writer: 'writer.pid',
} as const;

export const studyFiles = { plan: 'plan.json', table: 'table' } as const;
