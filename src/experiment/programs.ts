/** The compiled programs of a run, and what goes in and out of one step. */
import type { Batch } from '../data/dataset.ts';
import { hostScalar, type Executable, type HostTensors, type Session } from '../tensor/compile.ts';
import { evaluateInputs, evaluateStep, mergeStep, METER, trainInputs, trainStep } from './step.ts';
import type { Plan } from './train.ts';

export interface Programs {
  /** Step t as a whole: forward, backward, optimizer and, where one is due, the lookahead merge. */
  step(t: number, inputs: HostTensors): Promise<HostTensors>;
  readonly evaluate: Executable;
}

export async function compilePrograms(plan: Plan, session: Session, evalBatch: number): Promise<Programs> {
  const { experiment, facts, model, optimizer, totalSteps } = plan;
  const { batch, labelSmoothing } = experiment.train;
  const meterEvery = experiment.log.meters;
  const inputs = trainInputs(batch, facts.shape, Object.keys(optimizer.scalars(1)), 'uint8');
  const compileStep = (meters: boolean) =>
    session.compile(
      meters ? 'step with meters' : 'step',
      trainStep(model, optimizer, { labelSmoothing, meters }),
      inputs,
    );
  const step = await compileStep(false);
  const meteredStep = meterEvery > 0 ? await compileStep(true) : step;
  const merge = plan.merges
    ? await session.compile('lookahead merge', mergeStep(optimizer, { meters: meterEvery > 0 }), {})
    : undefined;
  const isMetered = (t: number) => meterEvery > 0 && (t === 1 || t === totalSteps || t % meterEvery === 0);
  return {
    async step(t, given) {
      const outputs = await (isMetered(t) ? meteredStep : step)(given);
      return merge && optimizer.variant(t) === 'merge' ? { ...outputs, ...(await merge({})) } : outputs;
    },
    evaluate: await session.compile('evaluation', evaluateStep(model), evaluateInputs(evalBatch, facts.shape, 'uint8')),
  };
}

export const stepInputs = (
  batch: Batch,
  shape: readonly number[],
  scalars: Readonly<Record<string, number>>,
): HostTensors => ({
  images: { shape: [batch.labels.length, ...shape], data: batch.images },
  labels: { shape: [batch.labels.length], data: batch.labels },
  ...Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, hostScalar(value)])),
});

/** The components' meters among a step's outputs; undefined where it took none. */
export function meterValues(outputs: HostTensors): Record<string, number> | undefined {
  const meters = Object.entries(outputs).filter(([name]) => name.startsWith(METER));
  if (meters.length === 0) return undefined;
  return Object.fromEntries(meters.map(([name, { data }]) => [name.slice(METER.length), data[0]!]));
}
