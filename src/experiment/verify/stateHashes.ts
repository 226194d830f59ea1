/** What a training's state is after each of its first steps, tensor by tensor, so that two trainings can be compared. */
import { createHash } from 'node:crypto';
import type { Dataset } from '../../data/dataset.ts';
import type { HostTensor, HostTensors } from '../../tensor/compile.ts';
import type { Engine } from '../execute.ts';
import { withFirstSteps } from '../firstSteps.ts';
import { mergeStep, trainStep } from '../step.ts';
import type { Plan } from '../train.ts';

/** One step: the hash of its batch, of every output of the step and of every tensor of the state after it. */
export interface StepHashes {
  readonly step: number;
  /** As the session names it: `cpu`, `gpu:0 …`. */
  readonly device: string;
  /** Tensor → the first 16 hex digits of the SHA-256 of its bytes. */
  readonly hashes: Readonly<Record<string, string>>;
}

/** Trains the first `steps` steps without a run folder. */
export const stateHashes = (
  plan: Plan,
  dataset: Dataset,
  engine: Engine,
  steps: number,
  onStep: (hashes: StepHashes) => void,
): Promise<void> =>
  withFirstSteps(plan, dataset, engine, async ({ session, inputs }) => {
    const { model, optimizer, totalSteps } = plan;
    const { labelSmoothing } = plan.experiment.train;
    const program = trainStep(model, optimizer, { labelSmoothing, meters: false });
    const step = await session.compile('step', program, inputs.specs);
    const merge = plan.merges
      ? await session.compile('lookahead merge', mergeStep(optimizer, { meters: false }), {})
      : undefined;
    for (let t = 1; t <= Math.min(steps, totalSteps); t++) {
      const { images, labels, ...scalars } = await inputs.of(t);
      const batch = { images: images!, labels: labels! };
      const batchHashes = hashesOf('batch', batch); // now, since the step may take the buffers
      const outputs = await step({ ...batch, ...scalars });
      if (merge && optimizer.variant(t) === 'merge') await merge({});
      const hashes = { ...batchHashes, ...hashesOf('output', outputs), ...hashesOf('state', await session.read()) };
      onStep({ step: t, device: session.device, hashes });
    }
  });

const hashesOf = (group: string, tensors: HostTensors): Record<string, string> =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${group}/${name}`, hashOf(tensor)]));

const hashOf = ({ data }: HostTensor): string =>
  createHash('sha256')
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest('hex')
    .slice(0, 16);

export interface Difference {
  readonly step: number;
  /** Names of the tensors whose bytes differ, in the order of the computation: batch, outputs, state. */
  readonly tensors: readonly string[];
}

/** Where two trainings first differ; undefined where they never do. */
export function firstDifference(a: readonly StepHashes[], b: readonly StepHashes[]): Difference | undefined {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [left, right] = [a[i]?.hashes ?? {}, b[i]?.hashes ?? {}];
    const names = [...new Set([...Object.keys(left), ...Object.keys(right)])];
    const tensors = names.filter((name) => left[name] !== right[name]);
    if (tensors.length > 0) return { step: i + 1, tensors };
  }
  return undefined;
}
