/** Runs the optimizer of this program on a backend against a file of vectors, case by case. */
import { buildOptimizer } from '../../optim/ranger21.ts';
import type { Optimizer } from '../../optim/optimizer.ts';
import { initState } from '../../optim/state.ts';
import {
  hostScalar,
  joined,
  scalarSpec,
  specOf,
  under,
  type Backend,
  type HostTensors,
  type Program,
} from '../../tensor/compile.ts';
import { roleIn, type VectorCase } from './vectorFile.ts';

export interface CaseResult {
  readonly group: string;
  readonly case: string;
  readonly steps: number;
  /** Largest absolute difference of a parameter, and where: `kernel[3] t=7`. Infinite where the optimizer gave NaN. */
  readonly worst: number;
  readonly where: string;
  /** What else differs: the first learning rate or merge that is not the file's. */
  readonly note: string | undefined;
  readonly passed: boolean;
}

/** One case on one backend: passes if every parameter after every step is within `tolerance` of the file's. */
export async function verifyCase(vector: VectorCase, backend: Backend, tolerance: number): Promise<CaseResult> {
  const { group, name, problem, steps, config, run } = vector;
  const shapes = Object.fromEntries(problem.params.map((p) => [p.name, p.shape]));
  const roles = Object.fromEntries(problem.params.map((p) => [p.name, roleIn(p.role, p.shape)]));
  const hosted = (values: Readonly<Record<string, ArrayLike<number>>>): HostTensors =>
    Object.fromEntries(
      problem.params.map((p) => [p.name, { shape: p.shape, data: Float32Array.from(values[p.name]!) }]),
    );

  const optimizer = buildOptimizer(config, run, shapes, roles);
  const params = hosted(Object.fromEntries(problem.params.map((p) => [p.name, p.value])));
  const session = await backend.open(joined({ params, slots: initState(optimizer, params) }), {});
  let worst = { error: 0, where: '' };
  let note: string | undefined;
  try {
    const specs = {
      ...Object.fromEntries(Object.entries(params).map(([key, value]) => [`grads/${key}`, specOf(value)])),
      ...Object.fromEntries(Object.keys(optimizer.scalars(1)).map((key) => [`scalars/${key}`, scalarSpec])),
    };
    const step = await session.compile('step', stepProgram(optimizer), specs);
    const merges = steps.some((_, i) => optimizer.variant(i + 1) === 'merge');
    const merge = merges ? await session.compile('merge', mergeProgram(optimizer), {}) : undefined;

    for (const [i, expected] of steps.entries()) {
      const t = i + 1;
      const scalars = Object.entries(optimizer.scalars(t)).map(([key, value]) => [`scalars/${key}`, hostScalar(value)]);
      const grads = joined({ grads: hosted(problem.gradients[i]!) });
      let outputs = await step({ ...grads, ...(Object.fromEntries(scalars) as HostTensors) });
      const merged = optimizer.variant(t) === 'merge';
      if (merged) outputs = await merge!({});

      for (const { name } of problem.params) {
        const [found, values] = [outputs[name]!.data, expected.params[name]!];
        for (let j = 0; j < values.length; j++) {
          const difference = Math.abs(found[j]! - values[j]!);
          const error = Number.isNaN(difference) ? Infinity : difference;
          if (error > worst.error) worst = { error, where: `${name}[${j}] t=${t}` };
        }
      }
      if (expected.lr !== undefined && Math.abs(optimizer.lr(t) - expected.lr) > 1e-12) {
        note ??= `lr ${optimizer.lr(t)} at t=${t}, file ${expected.lr}`;
      }
      if (expected.merged !== undefined && merged !== expected.merged)
        note ??= `merge at t=${t} only in one of the two`;
    }
  } finally {
    await session.close();
  }
  const passed = worst.error <= tolerance && note === undefined;
  return { group, case: name, steps: steps.length, worst: worst.error, where: worst.where, note, passed };
}

const stepProgram =
  (optimizer: Optimizer): Program =>
  (state, inputs) => {
    const next = optimizer.update(
      under(state, 'params'),
      under(inputs, 'grads'),
      under(state, 'slots'),
      under(inputs, 'scalars'),
    );
    return { state: joined({ params: next.params, slots: next.state }), outputs: next.params };
  };

const mergeProgram =
  (optimizer: Optimizer): Program =>
  (state) => {
    const next = optimizer.merge(under(state, 'params'), under(state, 'slots'));
    return { state: joined({ params: next.params, slots: next.state }), outputs: next.params };
  };
