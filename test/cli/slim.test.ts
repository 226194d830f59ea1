/** A study of which only the files were kept that a committed one needs. */
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { ablateCommand } from '../../src/cli/commands/ablate.ts';
import { reportOf } from '../../src/cli/reportOf.ts';
import { tableCommand } from '../../src/cli/commands/table.ts';
import { tableOf } from '../../src/cli/tableOf.ts';
import { loadExperiment } from '../../src/config/load.ts';
import { datasets } from '../../src/data/registry.ts';
import { arms } from '../../src/experiment/study/ablation.ts';
import { dataFacts, experimentOf, makePlan, studyProtocol } from '../../src/experiment/study/plan.ts';
import { hardwareOf } from '../../src/experiment/table/refusals.ts';
import { writeChecks } from '../../src/runs/checks.ts';
import { listStudy } from '../../src/runs/list.ts';
import { writeReport } from '../../src/runs/report.ts';
import { writePlan, writeTables } from '../../src/runs/study.ts';
import { openSample, sampleResult, sampleStep, temporaryFolder } from '../runs/sample.ts';

const ofStudy = ['plan.json', 'checks.json', 'table.md', 'table.csv', 'table.json', 'table.tex', 'curves.json'];
const ofRun = ['config.yaml', 'result.json', 'evals.jsonl', 'env.json', 'ended.json'];

const folder = temporaryFolder();
const [whole, slim] = [join(folder, 'whole'), join(folder, 'slim')];
const config = join(folder, 'slim.yaml');
const files = (dir: string) =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((file) => statSync(join(dir, file)).isFile())
    .sort();

beforeAll(async () => {
  writeFileSync(
    config,
    `extends: ${process.cwd()}/configs/digits-nfresnet.yaml\ntrain: { epochs: 2 }\nlog: { tensorboard: true }\n` +
      'study: { name: demo, seeds: 3, disable: [pnm], design: leave-one-out }\n',
  );
  const { experiment } = await loadExperiment(config);
  const dataset = await datasets.digits.load(experiment.dataset);
  const seeds = [0, 1, 2];
  const all = arms(experiment, { ...experiment.study, seeds });
  const plan = makePlan({
    study: 'demo',
    arms: all,
    seeds,
    fingerprint: dataset.fingerprint,
    facts: dataFacts(dataset),
    protocol: studyProtocol(experiment.study, all),
  });
  const dir = join(whole, 'demo');
  await writePlan(dir, plan);
  for (const [nth, run] of plan.runs.entries()) {
    const { arm, seed, id, path } = run;
    const diverged = arm === '-pnm' && seed === 1;
    const writer = await openSample(join(dir, path), experimentOf(plan, run));
    const last = { step: 44, epoch: 2, loss: 0.5, top1: diverged ? NaN : 0.9 + nth / 200 };
    for (let step = 1; step <= 44; step++) {
      writer.step(sampleStep(step, { loss: 2 / step, meters: { 'pnm/ratio': 1 / step } }));
      if (step % 22 === 0)
        writer.evaluation({ ...last, step, epoch: step / 22, top1: last.top1 - 0.01 * (2 - step / 22) });
    }
    const status = diverged ? ({ status: 'diverged', reason: 'loss is NaN' } as const) : {};
    if (diverged) await writer.diverged({ why: 'NaN' }, {});
    mkdirSync(join(dir, path, 'checkpoints/step-000000044'), { recursive: true });
    writeFileSync(join(dir, path, 'checkpoints/step-000000044/state.safetensors'), 'large');
    const { fingerprint } = plan;
    await writer.finish(
      sampleResult({ id, seed, study: 'demo', arm, steps: 44, last, best: last, fingerprint, ...status }),
    );
  }
  const [first] = await listStudy(whole, dir);
  await writeChecks(dir, {
    schema: 1,
    offAll: { steps: 20, largestDifference: 0, tolerance: 0, passed: true },
    gradient: { ms: 20, hardware: hardwareOf(first!) },
    checkedAt: '2026-11-01T09:00:00.000Z',
  });
  await writeTables(dir, (await tableOf(whole, dir)).texts);
  await writeReport(dir, await reportOf(whole, dir));
  for (const file of files(dir)) {
    const isKept = dirname(file) === '.' ? ofStudy.includes(file) : ofRun.includes(basename(file));
    if (isKept && !file.includes('divergence/')) cpSync(join(dir, file), join(slim, 'demo', file), { recursive: true });
  }
});
afterEach(() => void vi.restoreAllMocks());

/** What a command writes to stdout and stderr. */
async function outputOf(
  command: { parseAsync: (args: string[], from: { from: 'user' }) => Promise<unknown> },
  ...args: string[]
) {
  const [out, error] = [[] as string[], [] as string[]];
  vi.spyOn(console, 'error').mockImplementation((text: string) => void error.push(text));
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => out.push(text as string) > 0);
  await command.parseAsync([...args, '--runs', slim], { from: 'user' });
  return { out: out.join(''), error: error.join('\n') };
}

test('has lost most of its files', () => {
  const [before, after] = [whole, slim].map((root) => files(join(root, 'demo')));
  expect(
    before!.filter((file) => /metrics|timing|tfevents|safetensors|lease|divergence/.test(file)).length,
  ).toBeGreaterThan(45);
  expect(after!.filter((file) => /metrics|timing|tfevents|safetensors|lease|divergence/.test(file))).toEqual([]);
});

test('its table is what its runs say', async () => {
  expect((await outputOf(tableCommand(), 'demo', '--check')).error).toMatch(/: as recomputed$/);
});

test('its report is the whole study’s, byte for byte', async () => {
  const [of, from] = [await reportOf(slim, join(slim, 'demo')), await reportOf(whole, join(whole, 'demo'))];
  expect(of).toEqual(from);
  expect(Object.keys(of.figures)).toEqual(
    expect.arrayContaining(['training-loss.svg', 'learning-rate.svg', 'activity.svg']),
  );
});

test('without the curves too, or with those of other runs, its report shows the accuracies alone and says why', async () => {
  const bare = join(folder, 'bare');
  cpSync(slim, bare, { recursive: true });
  const curves = join(bare, 'demo/curves.json');
  writeFileSync(curves, readFileSync(curves, 'utf8').replaceAll('"runs":["', '"runs":["0'));
  const { figures, page } = await reportOf(bare, join(bare, 'demo'));
  expect(page).toContain('The logs of the single steps are not in the study’s folder');
  expect(Object.keys(figures)).toContain('test-top1.svg');
  expect(Object.keys(figures)).not.toContain('training-loss.svg');
  expect((await tableOf(bare, join(bare, 'demo'))).texts).toEqual((await tableOf(slim, join(slim, 'demo'))).texts);
  writeFileSync(curves, '{"schema":1,"arms":[{"arm":"ranger21"}]}');
  await expect(reportOf(bare, join(bare, 'demo'))).rejects.toThrow(`${curves}: arms[0].runs is missing`);
});

test('`ablate` asked again trains nothing and changes nothing, also where its engine is missing', async () => {
  const before = files(slim);
  const texts = new Map(before.map((file) => [file, readFileSync(join(slim, file), 'utf8')]));
  const { out, error } = await outputOf(ablateCommand(), config, '--device', 'gpu:7');
  expect(error).toMatch(/= 16 runs, 16 finished before\n/);
  expect(out).toBe(texts.get('demo/table.md'));
  expect(files(slim)).toEqual(before);
  for (const [file, text] of texts) expect(readFileSync(join(slim, file), 'utf8'), file).toBe(text);
});
