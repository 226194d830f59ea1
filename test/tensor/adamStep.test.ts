/** Adam's update on every backend against its equations in float64, and what it leaves of the values before. */
import { describe, expect, test } from 'vitest';
import { stream } from '../../src/random.ts';
import { adamStep } from '../../src/tensor/adamStep.ts';
import {
  hostScalar,
  scalarSpec,
  type HostTensor,
  type HostTensors,
  type Program,
  type SessionOptions,
} from '../../src/tensor/compile.ts';
import { add, mul, reshape, sub } from '../../src/tensor/ops.ts';
import { isMissing, usable } from '../backends.ts';
import { relativeError } from './opCases.ts';

const shape = [3, 3, 4, 5];
const size = 180;
const draws = stream(9, 'order');
const normal = (scale: number): HostTensor => ({
  shape,
  data: Float32Array.from({ length: size }, () => scale * draws.normal()),
});
const given = {
  w: normal(1),
  g: normal(0.1),
  m: normal(0.01),
  v: { shape, data: normal(0.01).data.map((x) => x * x) },
};
const betas = { beta1: Math.fround(0.9), beta2: Math.fround(0.999) };
const [stepSize, eps] = [2e-3, 1e-8];
const keep = Array.from({ length: 5 }, (_, unit) => 1 - 1e-3 * unit);

/** The equations of adamStep, element by element; t steps with the same gradient. */
function expected(steps: number): Record<'w' | 'm' | 'v', number[]> {
  const [w, m, v] = (['w', 'm', 'v'] as const).map((name) => Array.from(given[name].data)) as [
    number[],
    number[],
    number[],
  ];
  for (let t = 0; t < steps; t++) {
    given.g.data.forEach((g, i) => {
      m[i] = betas.beta1 * m[i]! + (1 - betas.beta1) * g;
      v[i] = betas.beta2 * v[i]! + (1 - betas.beta2) * g * g;
      w[i] = keep[i % 5]! * w[i]! - (stepSize * m[i]) / (Math.sqrt(v[i]) + eps);
    });
  }
  return { w, m, v };
}

const step: Program = ({ w, m, v }, { g, keep, stepSize }) => {
  const before = add(mul(w!, 1), mul(m!, 2));
  const next = adamStep(
    { weights: w!, gradient: g!, m: m!, v: v!, keep: reshape(keep!, [1, 1, 1, 5]), stepSize: stepSize!, eps },
    betas,
  );
  const change = sub(next.weights, w!); // recorded after the update, of the value before it
  return {
    state: { w: next.weights, m: next.m, v: next.v },
    outputs: { before, change, oldV: mul(v!, 1), newM: next.m },
  };
};
const inputs: HostTensors = {
  g: given.g,
  keep: { shape: [5], data: Float32Array.from(keep) },
  stepSize: hostScalar(stepSize),
};
const specs = { g: { shape, dtype: 'float32' }, keep: { shape: [5], dtype: 'float32' }, stepSize: scalarSpec } as const;

async function run(backend: (typeof usable)[number], options: SessionOptions) {
  const session = await backend.open({ w: given.w, m: given.m, v: given.v }, options);
  const compiled = await session.compile('adam', step, specs);
  const outputs = await compiled(inputs);
  await compiled(inputs);
  const state = await session.read();
  await session.close();
  return { outputs, state };
}

const ways = usable.flatMap((backend) => [
  { name: backend.name, backend, options: {} },
  ...(backend.name === 'tensorflow'
    ? (['optimizer', 'step'] as const).map((xla) => ({ name: `tensorflow, xla ${xla}`, backend, options: { xla } }))
    : []),
]);

// sums of a few float32 numbers; the weights are of order 1
describe.each(ways)('on $name', ({ backend, options }) => {
  test('two steps follow the equations', async () => {
    const { state } = await run(backend, options);
    for (const [name, values] of Object.entries(expected(2))) {
      expect(relativeError(state[name]!.data, values), name).toBeLessThan(4e-7);
    }
  });

  test('values from before the update stay what they were', async () => {
    const { outputs } = await run(backend, options);
    const { w, m } = expected(1);
    const beforeOf = (i: number) => given.w.data[i]! + 2 * given.m.data[i]!;
    expect(
      relativeError(
        outputs['before']!.data,
        w.map((_, i) => beforeOf(i)),
      ),
    ).toBeLessThan(4e-7);
    expect([...outputs['oldV']!.data]).toEqual([...given.v.data]);
    expect(relativeError(outputs['newM']!.data, m)).toBeLessThan(4e-7);
    // a difference of weights of order 1: an ulp of those, not of itself
    w.forEach((x, i) => expect(Math.abs(outputs['change']!.data[i]! - (x - given.w.data[i]!))).toBeLessThan(5e-7));
  });
});

describe.skipIf(isMissing('tensorflow'))('tensorflow, which writes in place, refuses', () => {
  test.each<[string, Program, RegExp]>([
    [
      'moments that are not the state',
      (state, given) => step({ ...state, m: mul(state['m']!, 2) }, given),
      /adamStep: m must be an entry of the state/,
    ],
    [
      'an update that is not returned',
      (state, given) => ({ outputs: step(state, given).outputs }),
      /overwrites state w, and must return/,
    ],
    ['a second update', (state, given) => (step(state, given), step(state, given)), /a new value before/],
  ])('%s', async (_, program, message) => {
    const backend = usable.find(({ name }) => name === 'tensorflow')!;
    const session = await backend.open({ w: given.w, m: given.m, v: given.v }, {});
    await expect(session.compile('adam', program, specs)).rejects.toThrow(message);
    await session.close();
  });
});
