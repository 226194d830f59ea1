/**
 * Kills a study at random moments, with everything it started, starts it again each time, and compares what it comes to with the
 * study that nothing disturbed: every cell of the table that is not a time, every run's weights.
 *
 *     npm run build && node test/faults/killStudy.js [kills, 20] [jobs, 2] [seed of the moments, 0]
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @param {string} path @returns {Promise<unknown>} */
const built = (path) => import(fileURLToPath(new URL(`../../dist/${path}.js`, import.meta.url)));
const { stream } = /** @type {typeof import('../../src/random.ts')} */ (await built('random'));
const draws = stream(Number(process.argv[4] ?? 0), 'verify');
const kills = Number(process.argv[2] ?? 20);
const jobs = process.argv[3] ?? '2';
const root = mkdtempSync(join(tmpdir(), 'ranger21-kill-'));
const settings = [
  'dataset.train=320',
  'dataset.test=80',
  'train.batch=8',
  'train.epochs=4',
  'checkpoint.every=10 steps',
];

/** @param {string} runs */
const command = (runs) => [
  ...['dist/cli/main.js', 'ablate', 'configs/digits-nfresnet.yaml', '--disable', 'pnm,lookahead', '--seeds', '3'],
  ...['--backend', 'onnx', '--threads', '1', '--jobs', jobs, '--runs', join(root, runs)],
  ...settings.flatMap((setting) => ['--set', setting]),
];

/** What must be the same at the end. @param {string} runs */
function ending(runs) {
  const dir = join(root, runs, 'digits-nfresnet');
  const text = (/** @type {string} */ path) => readFileSync(join(dir, path), 'utf8');
  const isTime = /ms_per_step|seconds|minutes/;
  const [head = '', ...rows] = text('table.csv').trim().split('\n');
  const timeless = head.split(',').map((name) => !isTime.test(name));
  /** @type {{ runs: { path: string }[] }} */
  const plan = JSON.parse(text('plan.json')); // eslint-disable-line @typescript-eslint/no-unsafe-assignment -- just written
  const weights = plan.runs.map(({ path }) => /"weights": *"(\w+)"/.exec(text(join(path, 'result.json')))?.[1]);
  return {
    table: rows.map((row) =>
      row
        .split(',')
        .filter((_, i) => timeless[i])
        .join(),
    ),
    weights,
  };
}

const startedAt = performance.now();
const straight = spawnSync(process.execPath, command('straight'), { stdio: ['ignore', 'ignore', 'inherit'] });
if (straight.status !== 0) throw new Error(`the undisturbed study ended with ${String(straight.status)}`);
const straightSeconds = (performance.now() - startedAt) / 1000;
console.log(`undisturbed: ${straightSeconds.toFixed(0)} s`);

let killed = 0;
while (killed < kills) {
  const child = spawn(process.execPath, command('killed'), { stdio: 'ignore', detached: true });
  const ended = new Promise((resolve) => child.on('close', resolve));
  const seconds = 2 + (draws.uniform() * 3 * straightSeconds) / kills; // it takes about two until it trains
  await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 1000 * seconds))]);
  if (child.exitCode !== null) break;
  process.kill(-(child.pid ?? 0), 'SIGKILL');
  await ended;
  killed += 1;
}
const last = spawnSync(process.execPath, command('killed'), { stdio: ['ignore', 'ignore', 'inherit'] });
if (last.status !== 0) throw new Error(`the killed study ended with ${String(last.status)}`);
const [a, b] = [ending('straight'), ending('killed')].map((end) => JSON.stringify(end, undefined, 1));
if (a === b) {
  console.log(`${killed} kills: the same table and the same weights`);
  rmSync(root, { recursive: true, force: true });
} else {
  console.log(`DIFFERS after ${killed} kills; both are kept in ${root}`);
  process.exitCode = 1;
}
