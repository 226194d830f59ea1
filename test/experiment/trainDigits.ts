/** Short runs on the digits, for the tests of the training loop. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadExperiment } from '../../src/config/load.ts';
import type { Experiment } from '../../src/config/schema.ts';
import { datasets } from '../../src/data/registry.ts';
import { execute, type Engine, type Outcome } from '../../src/experiment/execute.ts';
import type { Surroundings } from '../../src/experiment/train.ts';
import type { StepMetrics } from '../../src/runs/metrics.ts';
import { loadBackend, type BackendName } from '../../src/tensor/backends/registry.ts';

export async function engineOf(name: BackendName): Promise<Engine> {
  const backend = await loadBackend(name);
  return { backend, record: { name, detail: name }, session: {} };
}

export const temporary = (): string => mkdtempSync(join(tmpdir(), 'ranger21-train-'));

/** The digits config with overrides, e.g. `train.epochs=1`. */
export const digits = async (net: 'resnet' | 'nfresnet', ...set: string[]): Promise<Experiment> =>
  (await loadExperiment(`configs/digits-${net}.yaml`, { set })).experiment;

/** Trains and returns the outcome, the folder and every step's metrics. */
export async function trained(
  experiment: Experiment,
  backend: BackendName,
  around: { dir?: string; signal?: AbortSignal; onStep?: Surroundings['onStep'] } = {},
): Promise<{ outcome: Outcome; dir: string; steps: StepMetrics[] }> {
  const dir = around.dir ?? join(temporary(), 'run');
  const steps: StepMetrics[] = [];
  const dataset = await datasets[experiment.dataset.name].load(experiment.dataset);
  const outcome = await execute(experiment, dataset, dir, await engineOf(backend), {
    ...(around.signal && { signal: around.signal }),
    onStep: (metrics, plan) => {
      steps.push(metrics);
      around.onStep?.(metrics, plan);
    },
  });
  return { outcome, dir, steps };
}
