/**
 * Images a second of our loader and of PyTorch's DataLoader on the same files, in turns, and the CPU time each takes.
 *
 *     npm run build && node test/bench/imageLoader.js FOLDER [workers] [rounds] [batches a round] [python] [shards …]
 *
 * FOLDER is an image folder (test/bench/makeImageTree.js writes one), each of `shards` a folder packed from it by `data prepare`.
 * A figure per CPU second holds on a machine that others use; one per second does not.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** @param {string} path @returns {Promise<unknown>} */
const built = (path) => import(new URL(`../../dist/${path}.js`, import.meta.url).href);
const { imageEntries } = /** @type {typeof import('../../src/data/images/imageEntries.ts')} */ (
  await built('data/images/imageEntries')
);
const { decodedTraining } = /** @type {typeof import('../../src/data/images/imageBatches.ts')} */ (
  await built('data/images/imageBatches')
);

const [root, workers = '2', rounds = '6', perRound = '4', python = 'python3', ...shards] = process.argv.slice(2);
if (root === undefined) throw new Error('say which folder to read');
const batch = 64;
const classes = readdirSync(join(root, 'train')).length;

/** @typedef {{ images: number, seconds: number, cpuSeconds: number }} Timing */
/** @typedef {{ name: string, round: (batches: number) => Promise<Timing>, close: () => Promise<void> }} Subject */

/** @param {string} name @param {string} folder @returns {Promise<Subject>} */
async function ours(name, folder) {
  const dataset = await imageEntries.imagefolder.load({ root: folder, classes, workers: Number(workers) });
  const source = decodedTraining(dataset, { batch, seed: 1, augment: { crop: 0, flip: true } });
  let t = 0;
  const take = async (/** @type {number} */ batches) => {
    for (let i = 0; i < batches; i++) {
      t += 1;
      const { release } = await source.batch(t);
      release();
    }
  };
  return {
    name,
    round: async (batches) => {
      const [cpu, start] = [process.cpuUsage(), performance.now()];
      await take(batches);
      const { user, system } = process.cpuUsage(cpu);
      return {
        images: batches * batch,
        seconds: (performance.now() - start) / 1000,
        cpuSeconds: (user + system) / 1e6,
      };
    },
    close: source.close,
  };
}

/** @type {(text: string) => Timing} */
const parseTiming = JSON.parse;
/** @type {(lines: import('node:readline').Interface, name: 'line') => Promise<string[]>} */
const nextLine = once;

/** @param {string} name @param {'bytes' | 'float'} form @returns {Subject} */
function theirs(name, form) {
  const script = new URL('../../bench/torch_data.py', import.meta.url).pathname;
  const child = spawn(python, [script, JSON.stringify({ root, batch, workers: Number(workers), image: 224, form })], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  return {
    name,
    round: async (batches) => {
      child.stdin.write(`${batches}\n`);
      return parseTiming((await nextLine(lines, 'line'))[0] ?? '');
    },
    close: async () => {
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}

const makers = [
  () => ours('ours, JPEG folder', root),
  ...shards.map((folder) => () => ours(`ours, shards ${folder}`, folder)),
  () => Promise.resolve(theirs('DataLoader, bytes', 'bytes')),
  () => Promise.resolve(theirs('DataLoader, float', 'float')),
];

/** One subject at a time: decoding ahead for one would be paid for in the round of another. */
/** @type {Map<string, Timing[]>} */
const timings = new Map();
for (let round = 0; round < Number(rounds); round++) {
  for (const make of makers) {
    const subject = await make();
    await subject.round(4); // until each is as far ahead as it goes
    timings.set(subject.name, [...(timings.get(subject.name) ?? []), await subject.round(Number(perRound))]);
    await subject.close();
  }
}
const rates = [...timings].map(([name, all]) => {
  const perCpu = all.map(({ images, cpuSeconds }) => images / cpuSeconds).sort((a, b) => a - b);
  const perSecond = all.map(({ images, seconds }) => images / seconds).sort((a, b) => a - b);
  const middle = Math.floor(all.length / 2);
  return { name, perCpu: perCpu[middle] ?? NaN, best: perCpu.at(-1) ?? NaN, perSecond: perSecond[middle] ?? NaN };
});
const [first] = rates;
for (const { name, perCpu, best, perSecond } of rates) {
  const ratio = first ? first.perCpu / perCpu : NaN;
  console.log(
    `${name.padEnd(40)} ${perCpu.toFixed(0).padStart(5)} images a CPU second (best ${best.toFixed(0)}), ${perSecond.toFixed(0)} a second, ours ${ratio.toFixed(2)} times`,
  );
}
