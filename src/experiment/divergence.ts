/** Where a run stopped being finite, and what it was doing. */
import type { Batch } from '../data/dataset.ts';
import type { StepMetrics } from '../runs/metrics.ts';
import type { HostTensor, HostTensors } from '../tensor/compile.ts';

/** The content of `divergence/report.json`; `state.safetensors` beside it is the state after the step. */
export interface DivergenceReport {
  readonly schema: 1;
  readonly step: number;
  readonly epoch: number;
  readonly lr: number;
  readonly loss: number;
  readonly gradNorm: number;
  readonly updateNorm: number;
  /** Parameters whose gradient is not finite, in the order of the forward pass, with the norm. */
  readonly gradients: readonly { readonly name: string; readonly norm: number }[];
  /** Entries of the state after the step that hold a value that is not finite, and how many. */
  readonly state: readonly { readonly name: string; readonly values: number }[];
  /** Which training samples the batch was made of. */
  readonly samples: readonly number[];
}

/** `gradNorms` has one value a parameter, in the order of `parameters`. */
export function divergenceReport(
  metrics: StepMetrics,
  batch: Batch,
  parameters: readonly string[],
  gradNorms: ArrayLike<number>,
  state: HostTensors,
): DivergenceReport {
  const { step, epoch, lr, loss, gradNorm, updateNorm } = metrics;
  return {
    ...{ schema: 1, step, epoch, lr, loss, gradNorm, updateNorm },
    gradients: parameters
      .map((name, i) => ({ name, norm: gradNorms[i]! }))
      .filter(({ norm }) => !Number.isFinite(norm)),
    state: Object.entries(state)
      .map(([name, { data }]) => ({ name, values: nonFinite(data) }))
      .filter(({ values }) => values > 0),
    samples: [...batch.indices],
  };
}

function nonFinite(data: HostTensor['data']): number {
  let count = 0;
  for (const x of data) if (!Number.isFinite(x)) count++;
  return count;
}

/** Names the first tensor at fault, for the status line: a gradient, else an entry of the state, else that none is by itself. */
export function firstTensor({ gradients, state }: DivergenceReport): string {
  const more = (count: number) => (count > 1 ? ` and ${count - 1} more` : '');
  if (gradients.length > 0) return `: gradient of ${gradients[0]!.name}${more(gradients.length)}`;
  if (state.length > 0) return `: ${state[0]!.name}${more(state.length)}`;
  return ': every value is finite, but not the sum of their squares';
}
