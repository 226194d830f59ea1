/** The files of a run, as far as what is printed from them depends on it. */
import { mismatch, type Shape } from './shape.ts';
import { UserError } from '../errors.ts';

const backend: Shape = {
  name: 'text',
  detail: 'text',
  'device?': 'text',
  'threads?': 'number',
  'precision?': 'text',
  'determinism?': 'text',
  'xla?': 'text',
};

const evaluation: Shape = { step: 'count', epoch: 'number', loss: 'number', top1: 'number', 'top5?': 'number' };

export const chanceShape: Shape = { uniformLoss: 'number', priorLoss: 'number', top1: 'number' };

/** A line of each JSON-lines file. */
export const lineShapes = {
  steps: {
    step: 'count',
    epoch: 'number',
    lr: 'number',
    loss: 'number',
    trainTop1: 'number',
    gradNorm: 'number',
    paramNorm: 'number',
    updateNorm: 'number',
    'meters?': 'numbers',
  },
  timing: { step: 'count', ms: 'number', imagesPerSecond: 'number', dataWaitMs: 'number' },
  evaluations: evaluation,
} as const satisfies Record<string, Shape>;

export const resultShape = (statuses: readonly string[]): Shape => ({
  schema: new Set([1]),
  id: 'text',
  'study?': 'text',
  'arm?': 'text',
  seed: 'count',
  status: new Set(statuses),
  'reason?': 'text',
  steps: 'count',
  epochs: 'number',
  last: evaluation,
  best: evaluation,
  'peak?': { loss: 'number', step: 'count' },
  'chance?': chanceShape,
  trainSeconds: 'number',
  evalSeconds: 'number',
  compileSeconds: 'number',
  'checkpointSeconds?': 'number',
  dataWaitShare: 'number',
  msPerStep: 'number',
  imagesPerSecond: 'number',
  parameters: 'count',
  stateRatio: 'number',
  backend,
  fingerprint: 'text',
  'code?': 'text',
  'weights?': 'text',
  'pairing?': { init: 'text', order: 'text', augment: 'text' },
  'attempts?': 'count',
  'drift?': ['text'],
  activity: 'numbers',
  finishedAt: 'text',
});

export const envShape: Shape = {
  backend,
  version: 'text',
  'git?': [null, { sha: 'text', dirty: 'boolean' }],
  'lockfile?': [null, 'text'],
  node: 'text',
  platform: 'text',
  cpu: { model: 'text', cores: 'number' },
  memoryBytes: 'number',
  'heldOut?': 'text',
  startedAt: 'text',
};

export const leaseShape: Shape = {
  schema: new Set([1]),
  pid: 'count',
  processStart: 'text',
  host: 'text',
  startedAt: 'text',
};

export const endedShape: Shape = {
  schema: new Set([1]),
  status: new Set(['finished', 'interrupted', 'failed']),
  reason: 'text',
  step: 'count',
  stepsHere: 'count',
  endedAt: 'text',
};

/** Of folders written before attempts had leases. */
export const olderAttemptShape: Shape = { status: new Set(['interrupted', 'failed']), reason: 'text' };

export const checksShape: Shape = {
  schema: new Set([1]),
  offAll: { steps: 'count', largestDifference: 'number', tolerance: 'number', passed: 'boolean' },
  'gradient?': { ms: 'number', hardware: 'text' },
  'code?': 'hash',
  checkedAt: 'text',
};

/** The value, if it has the shape; a UserError naming the file and what is wrong with it. */
export function checked(value: unknown, shape: Shape, path: string): unknown {
  const wrong = mismatch(value, shape);
  if (wrong === undefined) return value;
  throw new UserError(`${path}: ${wrong}`, {
    remedy: 'it was altered, or written by another version: move it away and run again',
  });
}
