/** Whether a run that was killed and continued is the run that was not. */
import { permutation, stream } from '../../random.ts';
import type { RunResult } from '../../runs/metrics.ts';

/** `count` different steps of 1 … steps − 1, in ascending order, drawn by `seed`: a kill at each leaves something to do. */
export const killSteps = (steps: number, count: number, seed: number): number[] =>
  [...permutation(Math.max(0, steps - 1), stream(seed, 'verify')).slice(0, count)]
    .map((i) => i + 1)
    .sort((a, b) => a - b);

/** What a finished run's folder says; the logs as text. */
export interface RunContent {
  readonly result: RunResult;
  readonly metrics: string;
  readonly evaluations: string;
}

/** The part of a result that interruptions must not change. */
const lasting = [
  'id',
  'status',
  'reason',
  'steps',
  'epochs',
  'last',
  'best',
  'peak',
  'activity',
  'weights',
  'pairing',
] as const;

/** What differs, one line each; none where the two are the same run. Logs are compared byte for byte. */
export function differences(straight: RunContent, resumed: RunContent): string[] {
  const fields = lasting.flatMap((key) => {
    const [a, b] = [straight.result, resumed.result].map((result) => JSON.stringify(result[key] ?? null));
    return a === b ? [] : [`result.json ${key}: ${a} → ${b}`];
  });
  return [
    ...fields,
    ...lineDifference('metrics.jsonl', straight.metrics, resumed.metrics),
    ...lineDifference('evals.jsonl', straight.evaluations, resumed.evaluations),
  ];
}

function lineDifference(file: string, straight: string, resumed: string): string[] {
  if (straight === resumed) return [];
  const [a, b] = [straight.split('\n'), resumed.split('\n')];
  const at = a.findIndex((line, i) => line !== b[i]);
  const line = at === -1 ? a.length : at; // resumed goes on where straight ends
  return [`${file}:${line + 1}: ${a[line] ?? 'nothing'} → ${b[line] ?? 'nothing'}`];
}
