/** Whether a parsed `plan.json` is a plan whose runs lie inside the study's folder. */
import { studyRunPath } from './layout.ts';
import { mismatch, type Shape } from './shape.ts';
import { chanceShape } from './shapes.ts';
import type { StudyPlan } from './study.ts';

/** The parts of an experiment that tables and captions are made from. */
const experiment: Shape = {
  name: 'folder',
  model: { name: 'text' },
  dataset: { name: 'text' },
  optimizer: { name: 'text', lr: 'number', weightDecay: 'number', core: { name: 'text' }, components: 'map' },
  train: { epochs: 'count', batch: 'count', labelSmoothing: 'number', augment: { crop: 'count', flip: 'boolean' } },
  eval: { every: 'text', batch: 'count' },
  log: { meters: 'count' },
};

const shape: Shape = {
  schema: new Set([1]),
  study: 'folder',
  reference: 'folder',
  fingerprint: 'text',
  seeds: ['count'],
  'changedOptions?': ['text'],
  arms: [
    {
      name: 'folder',
      kind: 'text',
      components: ['text'],
      experiment,
      'reference?': [null, 'text'],
      'family?': 'text',
      'seeds?': ['count'],
      'seedOffset?': 'count',
      'tuning?': {
        trials: 'count',
        edge: 'boolean',
        'by?': new Set(['search', 'line']),
        'edges?': ['text'],
        'failed?': 'count',
        'lrRange?': ['number'],
      },
      'inherits?': 'text',
      'sameAs?': 'text',
    },
  ],
  runs: [{ arm: 'folder', seed: 'count', id: 'hash', path: 'text' }],
  'facts?': {
    ...{ shape: ['count'], classes: 'count', train: 'count', test: 'count' },
    ...{ 'labels?': { train: ['count'], test: ['count'] }, 'chance?': chanceShape },
  },
  'protocol?': {
    alpha: 'number',
    delta: 'number',
    'target?': 'number',
    tier: new Set(['T0', 'T1', 'T2']),
    headline: 'text',
    'search?': { design: 'text', budget: 'count', seeds: ['count'], holdOut: 'number', space: 'map', line: ['number'] },
  },
  additions: [{ at: 'text', arms: ['text'], seeds: ['count'] }],
};

/** What keeps the value from being a plan; undefined for a plan. */
export function planProblem(value: unknown): string | undefined {
  const wrong = mismatch(value, shape);
  if (wrong !== undefined) return wrong;
  const plan = value as StudyPlan;
  if ([plan.seeds, plan.arms, plan.runs].some((list) => list.length === 0)) return 'seeds, arms or runs are empty';
  const arms = new Set(plan.arms.map(({ name }) => name));
  if (arms.size < plan.arms.length) return 'two arms have the same name';
  if (!arms.has(plan.reference)) return `there is no arm ${plan.reference} to compare with`;
  for (const [i, { arm, seed, id, path }] of plan.runs.entries()) {
    if (!arms.has(arm)) return `runs[${i}] is of no arm of the plan: ${arm}`;
    if (path !== studyRunPath(arm, seed, id)) return `runs[${i}].path is not ${studyRunPath(arm, seed, id)}`;
  }
  const paths = new Set(plan.runs.map(({ path }) => path));
  return paths.size < plan.runs.length ? 'two runs have the same folder' : undefined;
}
