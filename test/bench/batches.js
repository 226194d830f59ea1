/**
 * Time to make one training batch of 64 images of 32×32×3, cropped and mirrored, beside a plain copy of as many bytes.
 *
 *     npm run build && node test/bench/batches.js [batches]
 *
 * The least of the times counts where other programs share the cores.
 */
/** @param {string} path @returns {Promise<unknown>} */
const built = (path) => import(new URL(`../../dist/${path}.js`, import.meta.url).href);
const { trainBatches } = /** @type {typeof import('../../src/data/batches.ts')} */ (await built('data/batches'));
const { datasets } = /** @type {typeof import('../../src/data/registry.ts')} */ (await built('data/registry'));

const count = Number(process.argv[2] ?? 200);
const size = 64;
const data = await datasets.synthetic.load({ train: 640, test: 10 });
const batches = trainBatches(data, { batch: size, seed: 0, augment: { crop: 4, flip: true } });

/** @param {(t: number) => unknown} work */
async function time(work) {
  const times = [];
  for (let t = 1; t <= count; t++) {
    const start = performance.now();
    await work(t);
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  return { least: times[0] ?? NaN, median: times[count >> 1] ?? NaN };
}

const source = new Uint8Array(size * 32 * 32 * 3);
const copy = await time(() => source.slice());
const batch = await time((t) => batches.batch(t));
/** @param {{ least: number, median: number }} times */
const text = ({ least, median }) => `${least.toFixed(2)} ms, median ${median.toFixed(2)} ms`;
console.log(`batch of ${size}×32×32×3  ${text(batch)}`);
console.log(`copy of as many bytes  ${text(copy)}, ${(batch.least / copy.least).toFixed(0)} times as fast`);
