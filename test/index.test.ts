/**
 * The TensorFlow.js optimizers on the plain cpu backend: the same float64 vectors, TensorFlow.js' own training loop, and
 * saving.
 */
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parseVectors, roleIn, type VectorCase } from '../src/experiment/verify/vectorFile.ts';
import { AdamW, Ranger21, type Ranger21Options } from '../src/index.ts';

const file = new URL('./fixtures/ranger21-vectors.json', import.meta.url);
const vectors = parseVectors(readFileSync(file, 'utf8'), 'vectors');
const vector = (group: string, name: string): VectorCase => vectors.find((v) => v.group === group && v.name === name)!;

beforeAll(() => tf.setBackend('cpu'));

let made = 0;
/** Variables of a vector problem under names of their own, and its gradients for step t. */
function problemVariables({ problem }: VectorCase) {
  const prefix = `problem${made++}/`;
  const variables = problem.params.map(({ name, shape, value }) =>
    tf.variable(tf.tensor(Array.from(value), [...shape], 'float32'), true, prefix + name),
  );
  const grads = (t: number) =>
    problem.params.map(({ name, shape }) => ({
      name: prefix + name,
      tensor: tf.tensor(Array.from(problem.gradients[t - 1]![name]!), [...shape], 'float32'),
    }));
  const values = () => variables.map((variable) => [...variable.dataSync()]);
  return { variables, grads, values, prefix };
}

type Names = Record<string, string>;
const reference: Names = {
  agc: 'useAdaptiveGradientClipping',
  gc: 'usingGc',
  normgc: 'usingNormgc',
  softplus: 'softplus',
};
Object.assign(reference, { normloss: 'normlossActive', warmup: 'useWarmup', warmdown: 'warmdownActive' });
Object.assign(reference, { lookahead: 'lookaheadActive', madgrad: 'useMadgrad', amsgrad: 'amsgrad' });
Object.assign(reference, {
  adabelief: 'useAdabelief',
  pnm_factor: 'pnmMomentumFactor',
  noise_norm_from: 'pnmNoiseNorm',
});
Object.assign(reference, { lr: 'lr', weight_decay: 'weightDecay', normloss_factor: 'normlossFactor' });
Object.assign(reference, {
  num_epochs: 'numEpochs',
  num_batches_per_epoch: 'numBatchesPerEpoch',
  normalize_passes: 'normalizePasses',
});
Object.assign(reference, { madgrad_momentum: 'momentum', total: 'totalIterations' });

/** A case's options by the constructor's names. */
function options(semantics: 'reference' | 'paper', config: Record<string, unknown>): Ranger21Options {
  const renamed = Object.entries(config).flatMap(([key, value]) => (reference[key] ? [[reference[key], value]] : []));
  const run = semantics === 'paper' ? { totalIterations: 12 } : { numEpochs: 3, numBatchesPerEpoch: 4 };
  return {
    lr: 1e-3,
    ...run,
    semantics: config['legacy_scope'] ? 'reference-legacy' : semantics,
    ...(semantics === 'reference' && !config['legacy_scope'] && { normalizePasses: 2 }),
    ...Object.fromEntries(renamed as [string, unknown][]),
    ...(config['beta2'] !== undefined && { betas: [0.9, config['beta2'] as number] as const }),
    ...(config['momentum'] === 'ema' && { momentumType: 'adam' as const }),
    ...(config['pnm'] === false && { momentumType: 'adam' as const }),
    ...(config['decay'] === 'none' && { weightDecay: 0 }),
    ...((config['decay'] === 'decoupled' || config['stable'] === false) && { decayType: 'decoupled' as const }),
  };
}

const raw = JSON.parse(readFileSync(file, 'utf8')) as Record<
  string,
  Record<string, { semantics: 'reference' | 'paper'; config: Record<string, unknown> }>
>;

describe('matches the vectors', () => {
  let worst = 0;
  afterAll(() => console.log(`Ranger21 as tf.Optimizer: worst error ${worst.toExponential(2)}`));

  test.each(vectors.map((v) => [`${v.group}/${v.name}`, v] as const))('%s', (_, v) => {
    const { semantics, config } = raw[`${v.group}_cases`]![v.name]!;
    const { variables, grads, values, prefix } = problemVariables(v);
    const roles = Object.fromEntries(v.problem.params.map((p) => [prefix + p.name, roleIn(p.role, p.shape)]));
    const optimizer = new Ranger21({ ...options(semantics, config), unitAxes: (name) => roles[name] });
    v.steps.forEach((expected, i) => {
      optimizer.applyGradients(grads(i + 1));
      expect(optimizer.currentLearningRate).toBeCloseTo(expected.lr!, 12);
      values().forEach((found, p) => {
        const wanted = expected.params[v.problem.params[p]!.name]!;
        worst = Math.max(worst, ...found.map((x, j) => Math.abs(x - wanted[j]!)));
      });
      expect(worst).toBeLessThanOrEqual(2e-6);
    });
    optimizer.dispose();
    tf.dispose(variables);
  });

  test('AdamW', () => {
    const v = vector('dense', 'adamw');
    const { variables, grads, values } = problemVariables(v);
    const optimizer = new AdamW({ lr: 0.01, weightDecay: 0.1 });
    v.steps.forEach(({ params }, i) => {
      optimizer.applyGradients(Object.fromEntries(grads(i + 1).map(({ name, tensor }) => [name, tensor])));
      const error = values().flatMap((found, p) =>
        found.map((x, j) => Math.abs(x - params[v.problem.params[p]!.name]![j]!)),
      );
      expect(Math.max(...error)).toBeLessThanOrEqual(2e-6);
    });
    optimizer.dispose();
    tf.dispose(variables);
  });
});

const full = vector('dense', 'all_on/reference/demo');
const demo: Ranger21Options = { lr: 0.01, numEpochs: 3, numBatchesPerEpoch: 4, weightDecay: 0.1, normlossFactor: 0.05 };

describe('saving', () => {
  test.each([3, 4, 5])('after step %i, getConfig and getWeights continue exactly', async (stop) => {
    const one = problemVariables(full);
    const straight = new Ranger21(demo);
    for (let t = 1; t <= stop; t++) straight.applyGradients(one.grads(t));
    const saved = (await straight.getWeights()).map(({ name, tensor }) => ({ name, tensor: tf.clone(tensor) }));
    const middle = one.values();
    for (let t = stop + 1; t <= 12; t++) straight.applyGradients(one.grads(t));
    const end = one.values();

    one.variables.forEach((variable, i) => variable.assign(tf.tensor(middle[i]!, variable.shape)));
    const resumed = Ranger21.fromConfig(Ranger21, straight.getConfig()) as unknown as Ranger21;
    await resumed.setWeights(saved);
    expect(resumed.iterations).toBe(stop);
    for (let t = stop + 1; t <= 12; t++) resumed.applyGradients(one.grads(t));
    expect(one.values()).toEqual(end);
    expect(saved[0]!.name).toBe('iter');
    expect(saved.map(({ name }) => name.replace(one.prefix, '')).slice(1)).toEqual(
      ['steps', 'last', 'beforeLast', 'v', 'slow'].flatMap((slot) => [`kernel/${slot}`, `bias/${slot}`]),
    );
  });

  test('the config round-trips, patterns with underscores included, and through a saved model’s renaming', () => {
    const exclude = { agc: ['head_1/*'], decay: ['*_bias'] };
    const optimizer = new Ranger21({ ...demo, exclude, warmupType: 'linear', betas: [0.9, 0.99] });
    const again = Ranger21.fromConfig(Ranger21, optimizer.getConfig()) as unknown as Ranger21;
    expect(again.getConfig()).toEqual(optimizer.getConfig());
    expect(JSON.stringify(optimizer.getConfig())).not.toContain('_');
    expect((again as unknown as { config: object }).config).toEqual(
      (optimizer as unknown as { config: object }).config,
    );
  });

  test('a model saved with its optimizer goes on as the original', async () => {
    const x = tf.tensor2d(
      Array.from({ length: 24 }, (_, i) => Math.sin(i)),
      [8, 3],
    );
    const y = tf.tensor2d(
      Array.from({ length: 8 }, (_, i) => Math.cos(i)),
      [8, 1],
    );
    const model = tf.sequential({
      layers: [tf.layers.dense({ units: 4, activation: 'tanh', inputShape: [3] }), tf.layers.dense({ units: 1 })],
    });
    model.compile({ optimizer: new Ranger21({ lr: 0.01, totalIterations: 20 }), loss: 'meanSquaredError' });
    await model.fit(x, y, { epochs: 7, batchSize: 8, verbose: 0 });
    let artifacts: tf.io.ModelArtifacts | undefined;
    const handler = tf.io.withSaveHandler((saved) => {
      artifacts = saved;
      return Promise.resolve({ modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(saved) });
    });
    await model.save(handler, { includeOptimizer: true });
    const loaded = await tf.loadLayersModel(tf.io.fromMemory(artifacts!));
    const [a, b] = await Promise.all(
      [model, loaded].map((m) => m.fit(x, y, { epochs: 6, batchSize: 8, verbose: 0, shuffle: false })),
    );
    expect(b!.history).toEqual(a!.history);
    expect(loaded.optimizer.getClassName()).toBe('Ranger21');
    expect(loaded.optimizer.iterations).toBe(13);
  });
});

describe('in a TensorFlow.js program', () => {
  test('model.fit learns a linear rule, and steps leak no tensors', async () => {
    const x = tf.randomNormal([64, 4], 0, 1, 'float32', 7);
    const y = tf.matMul(x, tf.tensor2d([1, -1, 0.5, 2], [4, 1]));
    const model = tf.sequential({
      layers: [tf.layers.dense({ units: 1, inputShape: [4], kernelInitializer: 'zeros' })],
    });
    const optimizer = new Ranger21({
      lr: 0.05,
      numEpochs: 60,
      numBatchesPerEpoch: 4,
      usingGc: false,
      normlossActive: false,
    });
    model.compile({ optimizer, loss: 'meanSquaredError' });
    const { history } = await model.fit(x, y, { epochs: 60, batchSize: 16, verbose: 0, shuffle: false });
    const losses = history['loss'] as number[];
    expect(losses.at(-1)!).toBeLessThan(0.01 * losses[0]!);
    expect(optimizer.iterations).toBe(240);

    const w = tf.variable(tf.tensor1d([1, 2, 3, 4]));
    const leaky = new Ranger21({ ...demo });
    const step = () => leaky.minimize(() => tf.sum(tf.square(w)), false, [w]);
    step();
    const tensors = tf.memory().numTensors;
    for (let i = 0; i < 11; i++) step(); // two merges among them
    expect(tf.memory().numTensors).toBe(tensors);
    leaky.dispose();
    expect(tf.memory().numTensors).toBe(tensors - 4); // last, beforeLast, v, slow
  });

  test('minimize returns the cost; variables without a gradient are left alone', () => {
    const [w, idle] = [tf.variable(tf.tensor1d([1, -2, 3])), tf.variable(tf.tensor1d([5, 6, 7]))];
    const optimizer = new Ranger21(demo);
    const cost = optimizer.minimize(() => tf.sum(tf.square(w)), true, [w]);
    expect(cost!.dataSync()[0]).toBe(14);
    optimizer.applyGradients([
      { name: w.name, tensor: tf.tensor1d([1, 1, 2]) },
      { name: idle.name, tensor: undefined as unknown as tf.Tensor },
    ]);
    expect([...idle.dataSync()]).toEqual([5, 6, 7]);
    expect(optimizer.iterations).toBe(2);
  });

  test('the caller’s gradients are not changed', () => {
    const w = tf.variable(tf.tensor2d([1, -2, 3, 4], [2, 2]));
    const g = tf.tensor2d([0.5, 0.1, -3, 9], [2, 2]);
    new Ranger21(demo).applyGradients({ [w.name]: g });
    expect([...g.dataSync()]).toEqual([...Float32Array.of(0.5, 0.1, -3, 9)]);
  });

  test('a variable that joins late has its own bias correction: alone on AdamW it moves as at step 1', () => {
    const [early, late] = [tf.variable(tf.tensor1d([1, 1])), tf.variable(tf.tensor1d([1, 1]))];
    const optimizer = new AdamW({ lr: 0.1, weightDecay: 0 });
    for (let t = 0; t < 6; t++) optimizer.applyGradients({ [early.name]: tf.tensor1d([1, -1]) });
    optimizer.applyGradients({ [early.name]: tf.tensor1d([1, -1]), [late.name]: tf.tensor1d([3, -0.2]) });
    // step 1 of Adam is lr · sign(g), to ε
    [...late.dataSync()].forEach((value, i) => expect(value).toBeCloseTo([0.9, 1.1][i]!, 6));
  });

  test('slow weights are loaded and brought back, as often as asked', () => {
    const v = problemVariables(full);
    const optimizer = new Ranger21(demo);
    for (let t = 1; t <= 5; t++) optimizer.applyGradients(v.grads(t));
    const merged = v.values();
    for (let t = 6; t <= 8; t++) optimizer.applyGradients(v.grads(t));
    const fast = v.values();
    for (let i = 0; i < 2; i++) {
      optimizer.useSlowWeights();
      expect(v.values()).toEqual(merged);
    }
    expect(() => optimizer.applyGradients(v.grads(9))).toThrow('the slow weights are loaded');
    for (let i = 0; i < 2; i++) {
      optimizer.restoreFastWeights();
      expect(v.values()).toEqual(fast);
    }
    optimizer.resetLookahead();
    optimizer.useSlowWeights();
    expect(v.values()).toEqual(fast);
  });

  test('past the end the rate stays and one warning is printed', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const w = tf.variable(tf.tensor1d([1, 2]));
    const optimizer = new Ranger21({ lr: 1e-3, totalIterations: 5 });
    for (let t = 0; t < 8; t++) optimizer.applyGradients({ [w.name]: tf.tensor1d([1, 2]) });
    expect(optimizer.currentLearningRate).toBe(3e-5);
    expect(warn).toHaveBeenCalledTimes(1);
    warn.mockRestore();
  });

  test('onStep gets the meters', async () => {
    const steps: [number, number, Readonly<Record<string, number>>][] = [];
    const w = tf.variable(tf.tensor2d([1, -2, 3, 4], [2, 2]));
    const optimizer = new Ranger21({ ...demo, loggingActive: true, onStep: (...step) => steps.push(step) });
    for (let t = 0; t < 5; t++) optimizer.applyGradients({ [w.name]: tf.tensor2d([1, 2, 3, -1], [2, 2]) });
    await vi.waitFor(() => expect(steps).toHaveLength(5));
    expect(steps.map(([t]) => t)).toEqual([1, 2, 3, 4, 5]);
    expect(steps[0]![2]).toMatchObject({ 'agc/clippedShare': 1 });
    expect(Object.keys(steps[4]![2])).toContain('lookahead/distance');
  });
});

test.each<[string, Partial<Ranger21Options> & Record<string, unknown>]>([
  ['unknown option lookaheadMergeTime', { lookaheadMergeTime: 5 }],
  ['the schedule needs the length of the run', { numEpochs: undefined }],
  ['ends at step 9, after the warm-down starts (step 8 of 12)', { numWarmupIterations: 9 }],
  ['lookaheadLoadAtValidation is not done behind your back', { lookaheadLoadAtValidation: true as never }],
  ['warmupType is "cosine"', { warmupType: 'cosine' as never }],
  ['MADGRAD has no AdaBelief', { useMadgrad: true, useAdabelief: true }],
  ['madgrad has no momentum slot', { useMadgrad: true, momentumType: 'pnm' }],
  ['components.lookahead.k', { lookaheadMergetime: 2.5 }],
  ['core.beta2', { betas: [0.9, 1] }],
  ['components.agc.clip', { agcClippingValue: 0 }],
  ['totalIterations 5 is not', { totalIterations: 5 }],
  ['at least 3 epochs', { useCheb: true, numEpochs: 2, numBatchesPerEpoch: 50 }],
  ['loggingActive has nowhere', { loggingActive: true }],
  ['betas is [0.9]', { betas: [0.9] as never }],
  ['betas is 0.9', { betas: 0.9 as never }],
  ['nothing is called lookahead in exclude', { exclude: { lookahead: ['bias'] } as never }],
  ['components.agc.exclude', { exclude: { agc: 'bias' } as never }],
  ['the product form of norm loss', { semantics: 'paper', normlossFactor: 0.1 }],
])('refuses: %s', (message, change) => {
  expect(() => new Ranger21({ ...demo, ...change })).toThrow(message);
});
