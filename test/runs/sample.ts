/** Runs made up for tests: real shapes, invented numbers. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { experimentSchema, type Experiment } from '../../src/config/schema.ts';
import type { Environment } from '../../src/runs/env.ts';
import type { RunResult, StepMetrics } from '../../src/runs/metrics.ts';
import { takeLease } from '../../src/runs/lease.ts';
import { openRun, type RunWriter } from '../../src/runs/store.ts';

export const sampleExperiment = (changes: object = {}): Experiment =>
  experimentSchema.parse({
    name: 'sample',
    model: { name: 'r8-basic' },
    dataset: { name: 'digits' },
    optimizer: {},
    train: { epochs: 2, batch: 64 },
    ...changes,
  });

export const sampleEnv: Environment = {
  schema: 1,
  backend: { name: 'onnx', detail: 'CPU', threads: 2 },
  version: '0.1.0',
  git: { sha: '3f2a91c0d4e5f60718293a4b5c6d7e8f90a1b2c3', dirty: false },
  lockfile: null,
  node: 'v20.20.2',
  platform: 'linux 6.1 x64',
  cpu: { model: 'a processor', cores: 2 },
  memoryBytes: 2 ** 33,
  startedAt: '2026-11-01T10:00:00.000Z',
};

export const sampleStep = (step: number, changes: Partial<StepMetrics> = {}): StepMetrics => ({
  step,
  epoch: step / 20,
  lr: 0.001,
  loss: 2.25,
  trainTop1: 0.125,
  gradNorm: 3,
  paramNorm: 10,
  updateNorm: 0.01,
  ms: 50,
  imagesPerSecond: 1280,
  dataWaitMs: 0.5,
  ...changes,
});

export const sampleResult = (changes: Partial<RunResult> = {}): RunResult => ({
  schema: 1,
  id: 'ab'.repeat(32),
  seed: 0,
  status: 'completed',
  steps: 40,
  epochs: 2,
  last: { step: 40, epoch: 2, loss: 0.5, top1: 0.9 },
  best: { step: 40, epoch: 2, loss: 0.5, top1: 0.9 },
  trainSeconds: 2,
  evalSeconds: 0.5,
  compileSeconds: 1,
  dataWaitShare: 0.01,
  msPerStep: 50,
  imagesPerSecond: 1280,
  parameters: 1000,
  stateRatio: 4,
  backend: { name: 'onnx', detail: 'CPU', threads: 2 },
  fingerprint: 'fe'.repeat(32),
  activity: { 'agc/clippedShare': 0.25, 'agc/clipFactor': 0.75 },
  finishedAt: '2026-11-01T10:00:05.000Z',
  ...changes,
});

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'ranger21-test-'));

/** Opens a run in `dir` with the sample environment, without an event file unless asked for. */
export async function openSample(
  dir: string,
  experiment: Experiment = sampleExperiment({ log: { tensorboard: false } }),
): Promise<RunWriter> {
  return openRun(dir, { experiment, lease: await takeLease(dir, sampleEnv) });
}

/** Makes the attempt's process one that is gone, as after a kill: this test's own process, which has it, lives on. */
export function killed(dir: string, attempt = 1): void {
  const path = join(dir, 'attempts', String(attempt), 'lease.json');
  const lease = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(path, JSON.stringify({ ...lease, processStart: 'before' }));
}
