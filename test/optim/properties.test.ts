/** What any correct implementation satisfies: closed forms, invariances, guards, resuming. No number here is ours. */
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { stream } from '../../src/random.ts';
import type { HostTensors } from '../../src/tensor/compile.ts';
import { usable } from '../backends.ts';
import { alone, config, of, trainer, type Values } from './evaluate.ts';

const normals = (shape: number[], index: number, scale = 1) => {
  const draws = stream(11, 'init', 0, index);
  return of(
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => scale * draws.normal()),
  );
};
const params: Values = {
  'conv/kernel': normals([2, 2, 3, 4], 1, 0.3),
  kernel: normals([4, 3], 2),
  bias: normals([3], 3),
};
const gradsAt = (t: number, scale = 1): Values => ({
  'conv/kernel': normals([2, 2, 3, 4], 100 + t, scale),
  kernel: normals([4, 3], 200 + t, 0.01 * scale),
  bias: normals([3], 300 + t, scale),
});
const full = config({ lr: 0.02, weightDecay: 0.1, components: { normloss: { factor: 0.05 } } });
const run = { epochs: 3, stepsPerEpoch: 4 };

const flat = (values: Record<string, readonly number[]>) => Object.values(values).flat();
const farthest = (a: readonly number[], b: readonly number[]) => Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));

describe.each(usable)('on $name', (backend) => {
  const train = async (
    optimizer: ReturnType<typeof config>,
    steps: number,
    grads: (t: number) => Values = gradsAt,
    start: Values = params,
  ) => {
    const session = await trainer(backend, optimizer, start, run);
    let last: Awaited<ReturnType<typeof session.step>> = { params: {}, meters: {} };
    const meters: Record<string, number>[] = [];
    for (let t = 1; t <= steps; t++) {
      last = await session.step(t, grads(t));
      meters.push(last.meters);
    }
    const state = await session.read();
    await session.close();
    return { ...last.params, state, meters } as { state: HostTensors; meters: typeof meters } & Record<
      string,
      number[]
    >;
  };
  const weightsOf = (result: Record<string, unknown>) =>
    flat({ c: result['conv/kernel'] as number[], k: result['kernel'] as number[], b: result['bias'] as number[] });

  test('two runs are equal to the bit', async () => {
    const [a, b] = [await train(full, 7), await train(full, 7)];
    expect(weightsOf(a)).toEqual(weightsOf(b));
  });

  test.each([4, 5, 7])(
    'saved after step %i and restored, a run goes on to the bit, across merges at 5 and 10',
    async (stop) => {
      const straight = await trainer(backend, full, params, run);
      let saved: HostTensors = {};
      for (let t = 1; t <= 12; t++) {
        await straight.step(t, gradsAt(t));
        if (t === stop) saved = await straight.read();
      }
      const resumed = await trainer(backend, full, params, run);
      await resumed.write(saved);
      for (let t = stop + 1; t <= 12; t++) await resumed.step(t, gradsAt(t));
      expect(await resumed.read()).toEqual(await straight.read());
      await Promise.all([straight.close(), resumed.close()]);
    },
  );

  test('everything off and no decay is Adam as TensorFlow.js has it', async () => {
    const mine = await train(config({ name: 'adamw', lr: 0.01, weightDecay: 0 }), 8);
    await tf.setBackend('cpu');
    const variables = Object.entries(params).map(
      ([name, { shape, values }]) => [name, tf.variable(tf.tensor([...values], [...shape]))] as const,
    );
    const adam = tf.train.adam(0.01, 0.9, 0.999, 1e-8);
    for (let t = 1; t <= 8; t++) {
      adam.applyGradients(
        variables.map(([name, { name: id }]) => ({
          name: id,
          tensor: tf.tensor([...gradsAt(t)[name]!.values], [...params[name]!.shape]),
        })),
      );
    }
    expect(
      farthest(
        weightsOf(mine),
        variables.flatMap(([, variable]) => [...variable.dataSync()]),
      ),
    ).toBeLessThan(2e-6);
    tf.dispose(variables.map(([, variable]) => variable));
  });

  test.each([
    ['adamw, everything on', full],
    ['adamw, everything off', config({ name: 'adamw', lr: 0.02 })],
    ['madgrad', config({ lr: 0.05, core: 'madgrad', components: { pnm: false, normloss: false } })],
    ['paper', config({ semantics: 'paper', lr: 0.02, components: { normloss: false, agc: false } })],
  ])('converges on a quadratic: %s', async (_, optimizer) => {
    // centralisation never moves a unit's mean, so the target differs from the start within units only
    const start = normals([8, 6], 9).values;
    const noise = normals([8, 6], 10).values;
    const target = start.map(
      (x, i) => x + noise[i]! - [0, 1, 2, 3, 4, 5, 6, 7].reduce((sum, r) => sum + noise[r * 6 + (i % 6)]!, 0) / 8,
    );
    const session = await trainer(backend, optimizer, { w: of([8, 6], start) }, { epochs: 1, stepsPerEpoch: 400 });
    let w: readonly number[] = start;
    const distance = (x: readonly number[]) => Math.hypot(...x.map((value, i) => value - target[i]!));
    for (let t = 1; t <= 400; t++)
      w = (
        await session.step(t, {
          w: of(
            [8, 6],
            w.map((x, i) => x - target[i]!),
          ),
        })
      ).params['w']!;
    await session.close();
    expect(distance(w)).toBeLessThan(0.5 * distance(start));
  });

  test('swd: λ/V — gradients c times as large decay c times less; with V = 1 it is AdamW’s decay', async () => {
    const swd = alone({ swd: true }, { weightDecay: 0.1 });
    const effective = async (scale: number) =>
      (await train(swd, 3, (t) => gradsAt(t, scale))).meters.map((m) => m['swd/effectiveDecay']!);
    const [one, ten] = [await effective(1), await effective(10)];
    one.forEach((x, i) => expect(x / ten[i]!).toBeCloseTo(10, 4));
    const ones: Values = { w: of([2, 2], [1, -1, 1, -1]) }; // v̂ = 1 whatever t
    const w = { w: of([2, 2], [1, 2, 3, 4]) };
    const [stable, plain] = [
      await train(swd, 4, () => ones, w),
      await train(alone({}, { weightDecay: 0.1 }), 4, () => ones, w),
    ];
    expect(farthest(stable['w']!, plain['w']!)).toBeLessThan(1e-6);
  });

  test('swd: no gradient anywhere is no decay (H3), and a step takes at most the whole weight', async () => {
    const swd = alone({ swd: true }, { weightDecay: 0.1 });
    const w = { w: of([2, 2], [1, 2, 3, 4]) };
    expect((await train(swd, 2, () => ({ w: of([2, 2], [0, 0, 0, 0]) }), w))['w']).toEqual([1, 2, 3, 4]);
    const tiny = await train(swd, 1, () => ({ w: of([2, 2], [1e-12, 1e-12, 1e-12, 1e-12]) }), w);
    tiny['w']!.forEach((x) => expect(Math.abs(x)).toBeLessThanOrEqual(0.011)); // decayed to 0, then one step of lr at most
  });

  test('agc before normalisation changes nothing for vectors', async () => {
    const [on, off] = [{ agc: true, gradnorm: true }, { gradnorm: true }];
    const [a, b] = [await train(alone(on), 6), await train(alone(off), 6)];
    expect(farthest(a['bias']!, b['bias']!)).toBeLessThan(1e-6);
    expect(farthest(a['kernel']!, b['kernel']!)).toBeGreaterThan(1e-4);
  });

  test('lookahead: k-step average, φ = θ at a merge; α = 1 alters nothing', async () => {
    const plain = await train(alone({}), 5);
    const merged = await train(alone({ lookahead: { k: 5, alpha: 0.25 } }), 5);
    const start = flat(Object.fromEntries(Object.entries(params).map(([name, { values }]) => [name, values])));
    const wanted = weightsOf(plain).map((fast, i) => start[i]! + 0.25 * (fast - start[i]!));
    expect(farthest(weightsOf(merged), wanted)).toBeLessThan(5e-7);
    for (const name of Object.keys(params))
      expect(merged.state[`slots/slow/${name}`]).toEqual(merged.state[`params/${name}`]);
    expect(weightsOf(await train(alone({ lookahead: { k: 2, alpha: 1 } }), 5))).toEqual(weightsOf(plain));
  });

  test('amsgrad: the maximum never falls', async () => {
    const session = await trainer(backend, alone({}, { core: { name: 'adamw', beta2: 0.5, amsgrad: true } }), params);
    let before = [0];
    for (let t = 1; t <= 6; t++) {
      await session.step(t, gradsAt(t, 1 / t));
      const now = [...(await session.read())['slots/vMax/kernel']!.data];
      now.forEach((x, i) => expect(x).toBeGreaterThanOrEqual(before[i] ?? 0));
      before = now;
    }
    await session.close();
  });

  test('decay: policy, exclusions and the legacy scope choose the tensors', async () => {
    const zero = (): Values =>
      Object.fromEntries(
        Object.entries(params).map(([name, { shape, values }]) => [
          name,
          of(
            shape,
            values.map(() => 0),
          ),
        ]),
      );
    const decayed = async (rest: Parameters<typeof alone>[1]) => {
      const result = await train(alone({}, { weightDecay: 0.5, ...rest }), 1, zero);
      return Object.keys(params).filter((name) => farthest(result[name]!, params[name]!.values) > 1e-4);
    };
    expect(await decayed({})).toEqual(['conv/kernel', 'kernel', 'bias']);
    expect(await decayed({ decay: { policy: 'kernels' } })).toEqual(['conv/kernel', 'kernel']);
    expect(await decayed({ decay: { exclude: ['*kernel'] } })).toEqual(['bias']);
    expect(await decayed({ semantics: 'reference-legacy' })).toEqual(['bias']);
  });

  test('a gradient with a deviation of 5e-11 moves the weights by 201 times the rate after two passes, by the rate after one', async () => {
    const w = { w: of([3], [0.1, 0.2, 0.3]) };
    const g = (): Values => ({ w: of([3], [1e-10, 2e-10, 1.5e-10]) });
    const farthestAfter = async (passes: 1 | 2) => {
      const { w: moved } = await train(alone({ gradnorm: { passes } }, { lr: 1e-3 }), 1, g, w);
      return farthest(moved!, w.w.values);
    };
    // the second pass divides by 5e-11 / (5e-11 + 1e-8) = 1/201 once more, for the first moment alone
    expect(await farthestAfter(2)).toBeCloseTo(0.201, 5);
    expect(await farthestAfter(1)).toBeCloseTo(1e-3, 5);
  });

  test('a zero gradient gives finite weights, everything on, both cores', async () => {
    const zero = (): Values =>
      Object.fromEntries(
        Object.entries(params).map(([name, { shape, values }]) => [
          name,
          of(
            shape,
            values.map(() => 0),
          ),
        ]),
      );
    for (const optimizer of [full, config({ core: 'madgrad', components: { pnm: false, softplus: false } })]) {
      expect(weightsOf(await train(optimizer, 3, zero)).every(Number.isFinite)).toBe(true);
    }
  });

  test('every component has a meter, which moves with what it does', async () => {
    const { meters } = await train(full, 5);
    const last = meters[4]!;
    expect(Object.keys(last).sort()).toEqual(
      [
        'agc/clippedShare',
        'agc/clipFactor',
        'gc/removedShare',
        'gradnorm/scale',
        'pnm/ratio',
        'softplus/liftedShare',
        'swd/V',
        'swd/effectiveDecay',
        'normloss/pull',
        'lookahead/distance',
      ].sort(),
    );
    // units of weight norm 1, 0, 1 and gradient norm 0.05, 1, 0.005: the first two are clipped, to 0.2 and 10⁻⁵
    const [w, g] = [of([2, 3], [0.6, 0, 1, 0.8, 0, 0]), of([2, 3], [0.03, 1, 0.004, 0.04, 0, 0.003])];
    const clipped = await train(alone({ agc: true }), 1, () => ({ w: g }), { w });
    expect(clipped.meters[0]!['agc/clippedShare']).toBeCloseTo(2 / 3, 6);
    expect(clipped.meters[0]!['agc/clipFactor']).toBeCloseTo((0.2 + 1e-5 + 1) / 3, 6);
    expect(last['swd/effectiveDecay']! * last['swd/V']!).toBeCloseTo(0.1, 6);
    const silent = await train(alone({ agc: { clip: 1e6 } }), 1);
    expect(silent.meters[0]).toEqual({ 'agc/clippedShare': 0, 'agc/clipFactor': 1 });
    const centred = await train(alone({ gc: true }), 1, () => ({ w: of([2, 2], [1, -2, -1, 2]) }), {
      w: of([2, 2], [1, 1, 1, 1]),
    });
    expect(centred.meters[0]!['gc/removedShare']).toBe(0);
  });
});
