/**
 * Memory of a long training, sampled: nothing may grow after the warm-up.
 *
 *     npm run build && node --expose-gc test/bench/flatMemory.js [steps] [backend]
 *
 * Prints resident memory, what JavaScript holds after a collection, TensorFlow.js tensors and open file descriptors every tenth
 * of the way, with checkpoints every 100 steps and every component on.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';

/** @param {string} path @returns {Promise<unknown>} */
const built = (path) => import(new URL(`../../dist/${path}.js`, import.meta.url).href);
const { loadExperiment } = /** @type {typeof import('../../src/config/load.ts')} */ (await built('config/load'));
const { datasets } = /** @type {typeof import('../../src/data/registry.ts')} */ (await built('data/registry'));
const { execute } = /** @type {typeof import('../../src/experiment/execute.ts')} */ (await built('experiment/execute'));
const { openEngine } = /** @type {typeof import('../../src/cli/engine.ts')} */ (await built('cli/engine'));

const [steps = '2000', backend = 'auto'] = process.argv.slice(2);
const wanted = Number(steps);
const { experiment } = await loadExperiment('configs/digits-nfresnet.yaml', {
  set: [`train.epochs=${Math.ceil(wanted / 22)}`, 'checkpoint.every=100 steps', 'eval.every=10 epochs'],
});
const dataset = await datasets.digits.load(experiment.dataset);
const engine = await openEngine({ backend });
const folder = mkdtempSync(join(tmpdir(), 'ranger21-memory-'));
console.log(`${engine.record.detail}\n  step   rss MiB    JS MiB   tensors   descriptors`);
await execute(experiment, dataset, join(folder, 'run'), engine, {
  onStep({ step }, { totalSteps }) {
    if (step % Math.floor(totalSteps / 10) !== 0) return;
    globalThis.gc?.();
    const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
    const mebibytes = (/** @type {number} */ bytes) => (bytes / 2 ** 20).toFixed(1).padStart(9);
    const descriptors = process.platform === 'linux' ? readdirSync('/proc/self/fd').length : '–';
    console.log(
      [
        String(step).padStart(6),
        mebibytes(rss),
        mebibytes(heapUsed + arrayBuffers),
        String(tf.memory().numTensors).padStart(9),
        String(descriptors).padStart(13),
      ].join(' '),
    );
  },
});
rmSync(folder, { recursive: true });
