/**
 * What a finished study costs to keep and to check: writes one with made-up numbers that holds only the files a committed
 * study needs, and times `ablate` asked again, `table --check` and `report` on it.
 *
 *     npm run build && node test/bench/slimStudy.js [folder] [config]
 *
 * 23 arms and two controls, ten seeds, 241 runs of 625 steps: leave-one-out and add-one-in of ten components of
 * configs/digits-nfresnet.yaml, or of a config whose data are prepared.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = process.env['RANGER21_DIST'] ?? fileURLToPath(new URL('../../dist', import.meta.url));
/** @param {string} path @returns {Promise<unknown>} */
const built = (path) => import(join(dist, `${path}.js`));
const { loadExperiment } = /** @type {typeof import('../../src/config/load.ts')} */ (await built('config/load'));
const { resolvedYaml } = /** @type {typeof import('../../src/config/resolved.ts')} */ (await built('config/resolved'));
const { datasets } = /** @type {typeof import('../../src/data/registry.ts')} */ (await built('data/registry'));
const { arms } = /** @type {typeof import('../../src/experiment/study/ablation.ts')} */ (
  await built('experiment/study/ablation')
);
const plans = /** @type {typeof import('../../src/experiment/study/plan.ts')} */ (await built('experiment/study/plan'));
const { stream } = /** @type {typeof import('../../src/random.ts')} */ (await built('random'));
const { toJson, toLine } = /** @type {typeof import('../../src/runs/metrics.ts')} */ (await built('runs/metrics'));
const { captureEnv } = /** @type {typeof import('../../src/runs/env.ts')} */ (await built('runs/env'));

const root = process.argv[2] ?? mkdtempSync(join(tmpdir(), 'ranger21-slim-'));
const base = process.argv[3] ?? fileURLToPath(new URL('../../configs/digits-nfresnet.yaml', import.meta.url));
const config = join(root, 'slim.yaml');
const steps = 625;

mkdirSync(root, { recursive: true });
writeFileSync(
  config,
  `extends: ${resolve(base)}
train: { epochs: 5 }
study: { name: slim, seeds: 10, design: [leave-one-out, add-one-in] }
`,
);
const { experiment } = await loadExperiment(config);
const asked = /** @type {NonNullable<typeof experiment.study>} */ (experiment.study);
const seeds = plans.seedList(asked.seeds, experiment.seed);
const all = arms(experiment, { ...asked, seeds });
const dataset = await datasets[experiment.dataset.name].load(/** @type {never} */ (experiment.dataset));
const plan = plans.makePlan({
  study: 'slim',
  arms: all,
  seeds,
  fingerprint: dataset.fingerprint,
  facts: plans.dataFacts(dataset),
  protocol: plans.studyProtocol(asked, all),
});

const dir = join(root, 'runs/slim');
rmSync(dir, { recursive: true, force: true });
/** @param {string} path @param {string} text */
const write = (path, text) => {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), text);
};
write('plan.json', `${toJson(plan, 2)}\n`);
const backend = { name: 'onnx', detail: 'made up', device: 'cpu' };
const env = await captureEnv(backend);

plan.runs.forEach((run, nth) => {
  const noise = stream(nth, 'synthetic', 1);
  const armNoise = stream(
    plan.arms.findIndex(({ name }) => name === run.arm),
    'synthetic',
    2,
  );
  const seed = run.seed % 1_000_000;
  const final = Math.round(360 * Math.min(1, 0.95 + 0.01 * armNoise.normal() + 0.004 * noise.normal())) / 360;
  const float32 = (/** @type {number} */ x) => Math.fround(x * (1 + 0.1 * noise.normal()));
  const meters = () =>
    Object.fromEntries(
      ['agc/clippedShare', 'agc/clipFactor', 'gc/removedShare', 'gradnorm/scale', 'pnm/ratio', 'swd/V']
        .concat(['swd/effectiveDecay', 'normloss/pull', 'softplus/liftedShare', 'lookahead/distance'])
        .map((name) => [name, float32(0.1)]),
    );
  const rows = Array.from({ length: steps }, (_, i) => ({
    step: i + 1,
    epoch: (i + 1) / 125,
    lr: 0.01 * Math.min(1, (i + 1) / 24),
    loss: float32(2.3 * Math.exp(-i / 30)),
    trainTop1: Math.round(64 * (1 - Math.exp(-i / 30))) / 64,
    gradNorm: float32(0.5),
    paramNorm: float32(26),
    updateNorm: float32(0.3),
    ...(i % 125 === 124 && { meters: meters() }),
  }));
  const evaluations = [1, 2, 3, 4, 5].map((epoch) => ({
    step: 125 * epoch,
    epoch,
    loss: 0.2 + 1 / epoch + 0.01 * noise.normal(),
    top1: epoch === 5 ? final : Math.round(360 * final * (1 - Math.exp(-epoch))) / 360,
  }));
  const last = evaluations[4];
  const hash = (/** @type {string} */ letter) => `${seed}${letter}`.padEnd(64, letter);
  const result = {
    ...{ schema: 1, id: run.id, study: 'slim', arm: run.arm, seed: run.seed, status: 'completed', steps, epochs: 5 },
    ...{ last, best: last, trainSeconds: 1.4, evalSeconds: 0.1, compileSeconds: 0.6, checkpointSeconds: 0 },
    ...{ dataWaitShare: 0.0003, msPerStep: 10 + noise.normal(), imagesPerSecond: 6000, parameters: 77757 },
    ...{ stateRatio: 4, backend, fingerprint: plan.fingerprint, code: 'c0'.repeat(32), weights: run.id },
    ...{ pairing: { init: hash('a'), order: hash('b'), augment: hash('c') }, attempts: 1, activity: meters() },
    finishedAt: '2026-11-23T00:00:00.000Z',
  };
  const { study: _, ...trained } = plans.experimentOf(plan, run);
  write(`${run.path}/config.yaml`, resolvedYaml(trained));
  write(`${run.path}/metrics.jsonl`, [{ schema: 1, kind: 'steps' }, ...rows].map(toLine).join(''));
  write(`${run.path}/evals.jsonl`, [{ schema: 1, kind: 'evaluations' }, ...evaluations].map(toLine).join(''));
  write(`${run.path}/attempts/1/env.json`, `${toJson(env, 2)}\n`);
  write(`${run.path}/result.json`, `${toJson(result, 2)}\n`);
});

/** @param {string[]} args */
function timed(...args) {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [join(dist, 'cli/main.js'), ...args], { encoding: 'utf8' });
  const seconds = (performance.now() - start) / 1000;
  console.log(`${seconds.toFixed(2)} s  exit ${status}  ranger21 ${args[0]}: ${stderr.trim().split('\n').at(-1)}`);
}
const runs = ['--runs', join(root, 'runs')];
timed('report', 'slim', ...runs);
const files = () =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((file) => statSync(join(dir, file)).isFile());
for (const file of files()) if (file.endsWith('metrics.jsonl')) rmSync(join(dir, file));
timed('ablate', config, '--backend', 'onnx', ...runs);
timed('ablate', config, '--backend', 'onnx', ...runs);
timed('ablate', '--from', join(dir, 'plan.json'), '--backend', 'onnx', ...runs);
timed('table', 'slim', '--check', ...runs);
timed('report', 'slim', ...runs);
/** @type {Record<string, number>} */
const sizes = {};
for (const file of files()) {
  const name = file.startsWith('figures/') ? 'figures/' : (file.split('/').at(-1) ?? '');
  sizes[name] = (sizes[name] ?? 0) + statSync(join(dir, file)).size;
}
console.log(`${plan.arms.length} arms, ${plan.runs.length} runs of ${steps} steps; bytes by file:`, sizes);
if (existsSync(join(dir, '.plan-locks'))) rmSync(join(dir, '.plan-locks'), { recursive: true });

const git = (/** @type {string[]} */ ...args) =>
  execFileSync('git', ['-C', dir, '-c', 'user.name=x', '-c', 'user.email=x', '-c', 'gc.auto=0', ...args], {
    encoding: 'utf8',
  });
git('init', '-q');
git('add', '-A');
git('commit', '-qm', 'study');
git('repack', '-adq');
const packed = readdirSync(join(dir, '.git/objects/pack')).reduce(
  (sum, name) => sum + statSync(join(dir, '.git/objects/pack', name)).size,
  0,
);
rmSync(join(dir, '.git'), { recursive: true });
console.log(
  `in git: ${(packed / 1e6).toFixed(2)} MB, table and report included; report.html ${(readFileSync(join(dir, 'report.html')).length / 1e6).toFixed(2)} MB`,
);
