/** The identity of a run: a hash of what determines its result, and of nothing else. */
import { createHash } from 'node:crypto';
import type { Experiment } from '../config/schema.ts';

/**
 * Raised by one whenever the same configuration starts to compute something else (a corrected component, another order
 * of augmentation), so that older results are trained again instead of being taken for new ones.
 */
export const trajectoryVersion = 3;

/**
 * What determines the result. Left out, because a run is the same run without them:
 *
 * - `name`, `study`: labels, and which other runs there are;
 * - `log`: what is written down on the way (asking for meters never changes a step);
 * - `checkpoint`: how often the state is saved on the way;
 * - `expect`: what the result is compared with;
 * - `eval.batch`: how the held-out set is cut up. `eval.every` stays: it decides among which evaluations `best` is chosen;
 * - `dataset.root`: where the files lie; what is in them is the fingerprint. `dataset.workers`: who decodes them;
 * - `dataset.classes`: the data are held against it, and the fingerprint says how many there are, asked for or counted;
 * - `seed` of the experiment: the run's own stands instead.
 */
export function identity(experiment: Experiment, seed: number, fingerprint: string): unknown {
  const {
    name: _name,
    study: _study,
    log: _log,
    checkpoint: _checkpoint,
    expect: _expect,
    ...determining
  } = experiment;
  const { batch: _batch, ...evaluation } = determining.eval;
  const {
    root: _root,
    workers: _workers,
    classes: _classes,
    ...dataset
  } = determining.dataset as Record<string, unknown>;
  return { trajectoryVersion, ...determining, dataset, eval: evaluation, seed, fingerprint };
}

/** SHA-256 of `identity`, 64 hex digits. */
export const runId = (experiment: Experiment, seed: number, fingerprint: string): string =>
  createHash('sha256')
    .update(canonicalJson(identity(experiment, seed, fingerprint)))
    .digest('hex');

/** The eight digits a run's folder carries. */
export const id8 = (id: string): string => id.slice(0, 8);

/** JSON with sorted keys and without undefined values, so that equal values have equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, x: unknown) =>
    typeof x === 'object' && x !== null && !Array.isArray(x)
      ? Object.fromEntries(Object.entries(x).sort(([a], [b]) => (a < b ? -1 : 1)))
      : x,
  );
}

/** Every leaf of a value by its dotted path, as canonical JSON; a list is a leaf. */
export function leaves(value: unknown, path = ''): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { [path]: value === undefined ? 'absent' : canonicalJson(value) };
  }
  const below = (key: string) => (path === '' ? key : `${path}.${key}`);
  return Object.assign({}, ...Object.entries(value).map(([key, x]) => leaves(x, below(key)))) as Record<string, string>;
}

/** `train.batch: 64 → 32`, one line for each leaf that is not in both alike. */
export function leafDifferences(was: unknown, is: unknown, path = ''): string[] {
  const [before, after] = [leaves(was, path), leaves(is, path)];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) => {
    const [then, now] = [before[key] ?? 'absent', after[key] ?? 'absent'];
    return then === now ? [] : [`${key}: ${then} → ${now}`];
  });
}
