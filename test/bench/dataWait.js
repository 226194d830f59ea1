/**
 * How much of a training's time waits for images: a small network on JPEG files at 64 pixels, decoded while it trains.
 *
 *     node test/bench/makeImageTree.js FOLDER 10 80 20 213 160
 *     npm run build && node test/bench/dataWait.js FOLDER [steps] [backend] [model] [batch]
 *
 * Prints the share of the whole time that steps waited for their batch, and the longest wait, without the first five steps.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** @param {string} path @returns {Promise<unknown>} */
const built = (path) => import(new URL(`../../dist/${path}.js`, import.meta.url).href);
const { loadExperiment } = /** @type {typeof import('../../src/config/load.ts')} */ (await built('config/load'));
const { datasets } = /** @type {typeof import('../../src/data/registry.ts')} */ (await built('data/registry'));
const { execute } = /** @type {typeof import('../../src/experiment/execute.ts')} */ (await built('experiment/execute'));
const { openEngine } = /** @type {typeof import('../../src/cli/engine.ts')} */ (await built('cli/engine'));

const [root, steps = '100', backend = 'auto', model = 'resnet20', batch = '32'] = process.argv.slice(2);
if (root === undefined) throw new Error('say which folder to read');
const classes = readdirSync(join(root, 'train')).length;
const { experiment } = await loadExperiment('configs/synthetic-smoke.yaml', {
  set: [
    `dataset={ name: imagefolder, root: ${JSON.stringify(root)}, image: 64, classes: ${classes} }`,
    ...[`model.name=${model}`, `train.batch=${batch}`, 'train.epochs=1000', 'train.augment.crop=0', 'log.meters=0'],
    ...['eval.every=1000 epochs', 'eval.batch=50'],
  ],
  unset: ['dataset.train', 'dataset.test'],
});
const dataset = await datasets.imagefolder.load(experiment.dataset);
const engine = await openEngine({ backend });
const folder = mkdtempSync(join(tmpdir(), 'ranger21-wait-'));
const enough = new AbortController();
/** @type {{ ms: number, dataWaitMs: number }[]} */
const seen = [];
await execute(experiment, dataset, join(folder, 'run'), engine, {
  signal: enough.signal,
  onStep: ({ step, ms, dataWaitMs }) => {
    if (step > 5) seen.push({ ms, dataWaitMs });
    if (seen.length === Number(steps)) enough.abort();
  },
});
rmSync(folder, { recursive: true });
const waits = seen.map(({ dataWaitMs }) => dataWaitMs);
const waited = waits.reduce((sum, ms) => sum + ms, 0);
const total = seen.reduce((sum, { ms, dataWaitMs }) => sum + ms + dataWaitMs, 0);
console.log(
  `${model}, batch ${batch}, 64 pixels, ${engine.record.detail}: ${(total / seen.length).toFixed(1)} ms a step, ` +
    `${((100 * waited) / total).toFixed(2)} % of it waiting for data, longest wait ${Math.max(...waits).toFixed(1)} ms`,
);
