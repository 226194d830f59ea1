/** The beginning of a training without its run folder, for what only looks at the first steps. */
import { trainBatches } from '../data/batches.ts';
import type { Dataset } from '../data/dataset.ts';
import { initModel } from '../models/init.ts';
import { initState } from '../optim/state.ts';
import type { HostTensors, Session } from '../tensor/compile.ts';
import type { Engine } from './execute.ts';
import { stepInputs } from './programs.ts';
import { runState, trainInputs } from './step.ts';
import type { Plan } from './train.ts';

export interface FirstSteps {
  readonly plan: Plan;
  readonly session: Session;
  /** Shapes of what a step is given, and what step t (from 1) is given; valid until it is asked again. */
  readonly inputs: { readonly specs: ReturnType<typeof trainInputs>; of(t: number): Promise<HostTensors> };
}

/** Opens a session over the state that a run of the plan starts from, and closes it when `use` is done. */
export async function withFirstSteps<T>(
  plan: Plan,
  dataset: Dataset,
  { backend, session: options }: Engine,
  use: (steps: FirstSteps) => Promise<T>,
): Promise<T> {
  const { experiment, model, optimizer } = plan;
  const data = trainBatches(dataset, { ...experiment.train, seed: experiment.seed });
  const initial = initModel(model, experiment.seed);
  const session = await backend.open(runState({ ...initial, slots: initState(optimizer, initial.params) }), options);
  try {
    const specs = trainInputs(experiment.train.batch, dataset.shape, Object.keys(optimizer.scalars(1)), 'uint8');
    let release: (() => void) | undefined;
    const of = async (t: number) => {
      release?.();
      const batch = await data.batch(t);
      release = batch.release;
      return stepInputs(batch, dataset.shape, optimizer.scalars(t));
    };
    return await use({ plan, session, inputs: { specs, of } });
  } finally {
    await session.close();
    await data.close?.();
  }
}
