/**
 * Time of one training step on the onnx backend: forward, backward and Ranger21 with every component on.
 *
 *     npm run build && node test/bench/onnxStep.js [threads] [steps] [optimizer as JSON]
 *
 * Prints the minimum and the median of the steps, so that other load on the machine shows as the distance between them.
 */
/** @param {string} path @returns {Promise<unknown>} */
const built = (path) => import(new URL(`../../dist/${path}.js`, import.meta.url).href);
const { models } = /** @type {typeof import('../../src/models/registry.ts')} */ (await built('models/registry'));
const { initModel } = /** @type {typeof import('../../src/models/init.ts')} */ (await built('models/init'));
const { optimizerSchema } = /** @type {typeof import('../../src/optim/config.ts')} */ (await built('optim/config'));
const { buildOptimizer } = /** @type {typeof import('../../src/optim/ranger21.ts')} */ (await built('optim/ranger21'));
const { initState } = /** @type {typeof import('../../src/optim/state.ts')} */ (await built('optim/state'));
const { runState, trainInputs, trainStep } = /** @type {typeof import('../../src/experiment/step.ts')} */ (
  await built('experiment/step')
);
const { backend } = /** @type {typeof import('../../src/tensor/backends/onnx/backend.ts')} */ (
  await built('tensor/backends/onnx/backend')
);
const { hostScalar } = /** @type {typeof import('../../src/tensor/compile.ts')} */ (await built('tensor/compile'));
const { stream } = /** @type {typeof import('../../src/random.ts')} */ (await built('random'));

const [threads = '2', steps = '20', config = '{ "name": "ranger21", "lr": 1e-3 }'] = process.argv.slice(2);
const shape = [32, 32, 3];
const classes = 10;

/** @type {[keyof typeof models, Record<string, unknown>, number][]} */
const workloads = [
  ['r8-basic', {}, 64],
  ['resnet20', {}, 32],
  ['nf-resnet20', {}, 32],
  ['resnet18', { stem: 'cifar' }, 32],
];

for (const [name, options, batch] of workloads) {
  const family = models[name];
  const model = family.build(family.options.parse(options), { height: 32, width: 32, channels: 3, classes });
  const { params, stats } = initModel(model, 0);
  const shapes = Object.fromEntries(Object.entries(params).map(([key, value]) => [key, value.shape]));
  const optimizer = buildOptimizer(
    optimizerSchema.parse(JSON.parse(config)),
    { epochs: 10, stepsPerEpoch: 100 },
    shapes,
  );
  const state = runState({ params, stats, slots: initState(optimizer, params) });

  const compileStart = performance.now();
  const session = await backend.open(state, { threads: Number(threads) });
  const program = trainStep(model, optimizer, { labelSmoothing: 0, meters: false });
  const run = await session.compile('train', program, trainInputs(batch, shape, Object.keys(optimizer.scalars(1))));
  const compileMs = performance.now() - compileStart;

  const draws = stream(0, 'synthetic');
  const images = { shape: [batch, ...shape], data: Float32Array.from({ length: batch * 3072 }, () => draws.normal()) };
  const labels = { shape: [batch], data: Int32Array.from({ length: batch }, (_, i) => i % classes) };
  const times = [];
  const losses = [];
  for (let t = 1; t <= Number(steps); t++) {
    const scalars = Object.fromEntries(
      Object.entries(optimizer.scalars(t)).map(([key, value]) => [key, hostScalar(value)]),
    );
    const start = performance.now();
    const { loss } = await run({ images, labels, ...scalars });
    times.push(performance.now() - start);
    losses.push(loss?.data[0] ?? NaN);
  }
  await session.close();
  const sorted = times.slice(1).sort((a, b) => a - b);
  const [least, median] = [sorted[0] ?? NaN, sorted[sorted.length >> 1] ?? NaN];
  console.log(
    `${name} batch ${batch}, ${threads} threads: step min ${least.toFixed(0)} ms, median ${median.toFixed(0)} ms; ` +
      `compile ${compileMs.toFixed(0)} ms; loss ${losses[0]?.toFixed(4)} → ${losses.at(-1)?.toFixed(4)}; ` +
      `rss ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`,
  );
}
