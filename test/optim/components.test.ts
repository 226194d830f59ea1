/** Each component against the single-component vectors of fixtures/ranger21-vectors.json, and what it promises. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Weights } from '../../src/optim/component.ts';
import { components, componentNames } from '../../src/optim/components/registry.ts';
import { plainDenominator } from '../../src/optim/cores/core.ts';
import { product } from '../../src/optim/factors.ts';
import { matchesAny } from '../../src/optim/names.ts';
import { mul, scalar, sqrt, type Tensor, type Tensors } from '../../src/tensor/ops.ts';
import { unitAxes, unitNorm, type Role } from '../../src/tensor/units.ts';
import { usable } from '../backends.ts';
import { evaluate, of } from './evaluate.ts';

interface Fixture {
  agc: { shape: number[]; param: number[]; grad: number[]; clip: number; eps: number; result: number[] };
  gradient_centralization: { shape: number[]; grad: number[]; result: number[] };
  gradient_normalization: { shape: number[]; grad: number[]; sample_std: number; once: number[]; twice: number[] };
  softplus: { beta: number; points: [number, number][] };
  norm_loss: {
    shape: number[];
    param: number[];
    lr: number;
    factor: number;
    eps: number;
    result: number[];
    norms_after: number[];
  };
  pnm_constant_gradient: {
    t: number;
    current: number;
    other: number;
    reference_effective: number;
    paper_effective: number;
  }[];
}
const file = JSON.parse(readFileSync(new URL('../fixtures/ranger21-vectors.json', import.meta.url), 'utf8')) as {
  components: Fixture;
  dense_problem: { params: { value: number[] }[]; gradients: { kernel: number[]; bias: number[] }[] };
  dense_cases: Record<
    string,
    { steps: { processed_gradients: Record<string, number[]>; params: Record<string, number[]> }[] }
  >;
};
const fixture = file.components;

const weights = (value: Tensor, role: Role = 'dense', name = 'w'): Weights => {
  const axes = unitAxes(role, value.shape, 'input');
  return { name, value, shape: value.shape, size: value.size, axes, norm: () => unitNorm(value, axes.norm) };
};
const raw = (value: Tensor) => ({ value, factor: 1, centred: false, momentumFactor: 1 });
const farthest = (found: readonly number[], wanted: readonly number[]) =>
  Math.max(...wanted.map((x, i) => Math.abs(found[i]! - x)));
const unitsOf = (values: readonly number[]) => [0, 1, 2].map((unit) => values.filter((_, i) => i % 3 === unit));
const norm = (xs: readonly number[]) => Math.hypot(...xs);

test('the registry has the ten components in step order', () => {
  expect(componentNames.join(' ')).toBe('agc gc gradnorm pnm softplus swd normloss warmup warmdown lookahead');
});

test.each(componentNames)('%s says what it is, where it comes from and what off means', (name) => {
  const { summary, paper, off, options } = components[name];
  expect([summary, off].every((text) => text.length > 10)).toBe(true);
  expect(paper).toMatch(/^https:/);
  for (const option of Object.values(options.shape) as { description?: string }[])
    expect(option.description).toBeTruthy();
  expect(options.parse({})).toEqual(options.parse(options.parse({})));
  const source = readFileSync(new URL(`../../src/optim/components/${name}.ts`, import.meta.url), 'utf8');
  expect(source).toContain('Reference:');
  expect(source).toContain('Differs from');
});

test('patterns match whole names', () => {
  expect(matchesAny(['head/*'], 'head/kernel')).toBe(true);
  expect(matchesAny(['head'], 'head/kernel')).toBe(false);
  expect(matchesAny(['*.bias', '*/b?'], 'x/b?')).toBe(true);
  expect(matchesAny(['a.c'], 'abc')).toBe(false);
  expect(matchesAny(['*a*'.repeat(100)], 'a'.repeat(99))).toBe(false); // at once, however often it could match
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 6 });
  fc.assert(
    fc.property(letters, letters, (pattern, text) => {
      const name = text.replaceAll('*', '');
      const asExpression = new RegExp(`^${pattern.replaceAll('*', '.*')}$`);
      expect(matchesAny([pattern], name)).toBe(asExpression.test(name));
    }),
  );
});

describe.each(usable)('on $name', (backend) => {
  const transform = (
    id: 'agc' | 'gc' | 'gradnorm',
    options: object,
    shape: number[],
    g: readonly number[],
    p: readonly number[] = g,
    role: Role = 'dense',
  ) =>
    evaluate(backend, { g: of(shape, g), p: of(shape, p) }, (x): Tensors => {
      const apply = components[id].build(components[id].options.parse(options) as never);
      const { value, factor, momentumFactor } = apply(raw(x['g']!), weights(x['p']!, role));
      const whole = product(value, factor);
      return { g: mul(whole, 1), momentumFactor: mul(product(whole, momentumFactor), 1) };
    });

  test('agc: the worked units, clipped to the limit, direction kept, scale of a clipped gradient without effect', async () => {
    const { shape, param, grad, clip, eps, result } = fixture.agc;
    const { g } = await transform('agc', { clip, eps }, shape, grad, param);
    expect(farthest(g!, result)).toBeLessThan(1e-8);
    const [limits, found] = [unitsOf(param).map((p) => clip * Math.max(norm(p), eps)), unitsOf(g!)];
    found.forEach((unit, i) => expect(norm(unit)).toBeLessThanOrEqual(limits[i]! * (1 + 1e-6)));
    const scaled = await transform(
      'agc',
      { clip, eps },
      shape,
      grad.map((x, i) => (i % 3 === 2 ? x : 7 * x)),
      param,
    );
    expect(farthest(scaled['g']!, result)).toBeLessThan(1e-8);
    const exempt = await transform('agc', { clip, eps, exclude: ['w'] }, shape, grad, param);
    expect(farthest(exempt['g']!, grad)).toBeLessThan(1e-7);
  });

  test('gc: unit means are zero, twice is once, a constant a unit has no effect, vectors and small ranks stay', async () => {
    const { shape, grad, result } = fixture.gradient_centralization;
    const { g } = await transform('gc', {}, shape, grad);
    expect(farthest(g!, result)).toBeLessThan(1e-6);
    expect(farthest((await transform('gc', {}, shape, g!))['g']!, result)).toBeLessThan(1e-6);
    const shifted = await transform(
      'gc',
      {},
      shape,
      grad.map((x, i) => x + 5 * (i % 3)),
    );
    expect(farthest(shifted['g']!, result)).toBeLessThan(2e-6);
    expect((await transform('gc', {}, [6], grad, grad, 'vector'))['g']).toEqual(grad);
    expect((await transform('gc', { convOnly: true }, shape, grad))['g']).toEqual(grad);
  });

  test('gradnorm: sample standard deviation, one and two passes, scale-free, small tensors stay', async () => {
    const { shape, grad, once, twice } = fixture.gradient_normalization;
    const found = await transform('gradnorm', { passes: 2 }, shape, grad);
    expect(farthest(found['g']!, once)).toBeLessThan(5e-7);
    expect(farthest(found['momentumFactor']!, twice)).toBeLessThan(5e-7);
    const scaled = await transform(
      'gradnorm',
      {},
      shape,
      grad.map((x) => 1000 * x),
    );
    expect(farthest(scaled['g']!, once)).toBeLessThan(1e-6);
    expect((await transform('gradnorm', {}, [2], [3, 5], [3, 5], 'vector'))['g']).toEqual([3, 5]);
  });

  test('gradnorm: a gradient of equal entries keeps its size (H1), zeros stay zeros', async () => {
    // all equal, and one float apart: divided by the rms, not by 10⁻⁸ or a rounding error
    for (const grad of [
      [0.2, 0.2, 0.2],
      [0.2, 0.2, 0.20000002],
    ]) {
      const { g } = await transform('gradnorm', {}, [3], grad, [1, 1, 1], 'vector');
      expect(farthest(g!, [1, 1, 1])).toBeLessThan(1e-6);
    }
    expect((await transform('gradnorm', { passes: 2 }, [3], [0, 0, 0], [1, 1, 1], 'vector'))['momentumFactor']).toEqual(
      [0, 0, 0],
    );
  });

  test('softplus: the published points, a floor of ln 2/β, monotone, √v̂ + ε as β grows', async () => {
    const xs = fixture.softplus.points.map(([x]) => x);
    const denominator = (beta: number, scale = 1, eps = 0) =>
      evaluate(backend, { x: of([xs.length], xs) }, (input) => {
        const { value, factor } = components.softplus.build({ beta })(input['x']!, scale, eps);
        return { d: mul(value, factor) };
      });
    const { d } = await denominator(50);
    expect(
      farthest(
        d!,
        fixture.softplus.points.map(([, y]) => y),
      ),
    ).toBeLessThan(6e-8);
    expect(d![0]!).toBeGreaterThanOrEqual(Math.fround(Math.LN2 / 50) - 1e-9);
    d!.slice(1).forEach((y, i) => expect(y).toBeGreaterThanOrEqual(d![i]!));
    const { d: sharp } = await denominator(1e6, 1, 1e-3);
    expect(
      farthest(
        sharp!,
        xs.map((x) => x + 1e-3),
      ),
    ).toBeLessThan(1e-6);
  });

  test('the plain denominator is root · scale + ε', async () => {
    const { d } = await evaluate(backend, { v: of([3], [0, 1, 4]) }, ({ v }) => {
      const { value, factor } = plainDenominator(sqrt(v!), scalar(0.5), 0.25);
      return { d: mul(value, factor) };
    });
    expect(d).toEqual([0.25, 0.75, 1.25]);
  });

  test('normloss: the worked units; the distance to norm 1 shrinks by 1 − 2λη; norm 1 and zero stay', async () => {
    const { shape, param, lr, factor, eps, result, norms_after: after } = fixture.norm_loss;
    const pull = components.normloss.build({ form: 'independent', factor, eps, exclude: [] });
    const { w } = await evaluate(backend, { p: of(shape, param) }, ({ p }) => {
      const at = { lr: scalar(lr), rate: 0, keep: 1, floor: undefined };
      return { w: mul(p!, pull(weights(p!), at)) };
    });
    expect(farthest(w!, result)).toBeLessThan(5e-7);
    unitsOf(w!).forEach((unit, i) => expect(norm(unit)).toBeCloseTo(after[i]!, 6));
    const { w: fixed } = await evaluate(backend, { p: of([2, 3], [0.6, 0, 1, 0.8, 0, 0]) }, ({ p }) => {
      const at = { lr: scalar(lr), rate: 0, keep: 1, floor: undefined };
      return { w: mul(p!, pull(weights(p!), at)) };
    });
    expect(farthest(fixed!, [0.6, 0, 1, 0.8, 0, 0])).toBeLessThan(1e-7);
  });

  test.each([
    ['reference', { factor: 1, noiseNorm: 'beta2' as const }, 'reference_effective' as const],
    ['paper', { factor: 0.9, noiseNorm: 'factor' as const }, 'paper_effective' as const],
  ])('pnm on a constant gradient, %s', async (_, options, key) => {
    const momentum = components.pnm.build(options)({ beta1: 0.9, beta2: 0.999 });
    let state: Record<string, number[]> = { last: [0], beforeLast: [0] };
    for (const { t, current, other, [key]: effective } of fixture.pnm_constant_gradient) {
      const inputs = { last: of([1], state['last']!), beforeLast: of([1], state['beforeLast']!), g: of([1], [1]) };
      const found = await evaluate(backend, inputs, ({ g, ...slots }) => {
        const next = momentum.update({ value: g!, factor: 1 }, slots);
        return {
          last: next.state['last']!,
          beforeLast: mul(next.state['beforeLast']!, 1),
          m: next.direction(1 / (1 - 0.9 ** t)),
        };
      });
      expect(found['last']![0]).toBeCloseTo(current, 6);
      expect(found['beforeLast']![0]).toBeCloseTo(other, 6);
      expect(found['m']![0]).toBeCloseTo(effective, 5);
      state = found;
    }
  });

  test.each([
    ['alone/agc', ['agc']],
    ['alone/gradient_centralization', ['gc']],
    ['alone/gradient_normalization', ['gradnorm']],
    ['all_on/reference/demo', ['agc', 'gc', 'gradnorm']],
  ] as const)('processed gradients of %s, first step', async (name, on) => {
    const { processed_gradients: wanted } = file.dense_cases[name]!.steps[0]!;
    const [kernel, bias] = file.dense_problem.params.map(({ value }) => value);
    const grads = file.dense_problem.gradients[0]!;
    const found = await evaluate(
      backend,
      { p: of([2, 3], kernel!), g: of([2, 3], grads.kernel), pb: of([3], bias!), gb: of([3], grads.bias) },
      (x): Tensors => {
        const through = (g: Tensor, w: Weights) => {
          const start: Parameters<ReturnType<typeof components.gc.build>>[0] = raw(g);
          const end = on.reduce((gradient, id) => {
            const apply = components[id].build(components[id].options.parse({}) as never);
            return apply(gradient, w);
          }, start);
          return mul(product(end.value, end.factor), 1);
        };
        return { kernel: through(x['g']!, weights(x['p']!)), bias: through(x['gb']!, weights(x['pb']!, 'vector')) };
      },
    );
    expect(farthest(found['kernel']!, wanted['kernel']!)).toBeLessThan(1e-6);
    expect(farthest(found['bias']!, wanted['bias']!)).toBeLessThan(1e-6);
  });
});
