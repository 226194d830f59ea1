/** Initial values of a model. */
import { nameIndex, stream } from '../random.ts';
import { sizeOf, type HostTensor, type HostTensors } from '../tensor/compile.ts';
import type { InitModel, Model, ParamSpec } from './model.ts';

export const initModel: InitModel = (model, seed) => ({
  params: initialValues(model.params, seed),
  stats: initialValues(model.stats, seed),
});

/** What the arms of a study have in common at the start: parameters, those held fixed among them, and statistics. */
export const sharedStart = (model: Model, seed: number): { params: HostTensors; stats: HostTensors } => ({
  params: initialValues({ ...model.params, ...model.frozen }, seed),
  stats: initialValues(model.stats, seed),
});

const initialValues = (specs: Readonly<Record<string, ParamSpec>>, seed: number): Record<string, HostTensor> =>
  Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, initialValue(name, spec, seed)]));

function initialValue(name: string, { shape, init }: ParamSpec, seed: number): HostTensor {
  const data = new Float32Array(sizeOf(shape));
  if (init.kind === 'constant') return { shape, data: data.fill(init.value) };
  const draws = stream(seed, 'init', 0, nameIndex(name));
  const next = init.kind === 'normal' ? () => init.std * draws.normal() : () => init.limit * (2 * draws.uniform() - 1);
  for (let i = 0; i < data.length; i++) data[i] = next();
  return { shape, data };
}
