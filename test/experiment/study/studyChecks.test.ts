import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { datasets } from '../../../src/data/registry.ts';
import { arms } from '../../../src/experiment/study/ablation.ts';
import { adamwWith } from '../../../src/experiment/study/armOptimizers.ts';
import type { Engine } from '../../../src/experiment/execute.ts';
import { dataFacts, makePlan } from '../../../src/experiment/study/plan.ts';
import { checkStudy, largest, offAllGate } from '../../../src/experiment/study/studyChecks.ts';
import { readChecks, writeChecks } from '../../../src/runs/checks.ts';
import { backend } from '../../../src/tensor/backends/onnx/backend.ts';
import { sampleExperiment, temporaryFolder } from '../../runs/sample.ts';

const experiment = sampleExperiment({ train: { epochs: 2, batch: 16 } });
const dataset = await datasets.digits.load(experiment.dataset);
const engine: Engine = {
  backend,
  record: { name: 'onnx', detail: 'CPU' },
  session: { threads: 1, determinism: 'strict' },
};

test('with every component off the optimizer computes what AdamW computes, to the bit', async () => {
  expect(await offAllGate(experiment, dataset, engine)).toEqual({
    steps: 20,
    largestDifference: 0,
    tolerance: 0,
    passed: true,
  });
});

test('a component that stays on does not pass', async () => {
  const leaking = adamwWith(experiment.optimizer, { gc: true });
  const gate = await offAllGate(experiment, dataset, engine, leaking);
  expect(gate.passed).toBe(false);
  expect(gate.largestDifference).toBeGreaterThan(1e-5);
});

test('a study is checked once, and the checks are kept in its folder', async () => {
  const dir = join(temporaryFolder(), 'demo');
  mkdirSync(dir);
  const plan = makePlan({
    study: 'demo',
    arms: arms(experiment, { disable: ['pnm'] }),
    seeds: [0],
    fingerprint: dataset.fingerprint,
    facts: dataFacts(dataset),
  });
  const checks = await checkStudy(dir, plan, dataset, engine);
  expect(checks.offAll.passed).toBe(true);
  expect(checks.gradient!.ms).toBeGreaterThan(0);
  expect(checks.gradient!.hardware).toMatch(/^onnx, CPU, .* on /);
  expect(await readChecks(dir)).toEqual(checks);
  expect(await checkStudy(dir, plan, dataset, engine)).toEqual(checks);

  // other code trains: what was checked is not what will run
  const older = { ...checks, code: 'c'.repeat(64), offAll: { ...checks.offAll, passed: false } };
  await writeChecks(dir, older);
  const again = await checkStudy(dir, plan, dataset, engine);
  expect(again).toMatchObject({ code: checks.code, offAll: { passed: true } });
  expect(await readChecks(dir)).toEqual(again);
});

test('checks that were altered are refused by name', async () => {
  const dir = temporaryFolder();
  writeFileSync(join(dir, 'checks.json'), '{ "schema": 1, "offAll": { "steps": 20 } }');
  await expect(readChecks(dir)).rejects.toThrow(/checks\.json: offAll\.largestDifference is missing, expected number/);
});

test('a weight that is not a number is a difference', () => {
  expect(largest([1, Number.NaN, 2], [1, 1, 2])).toBeNaN();
  expect(largest([1, 3, 2], [1, 1, 2.5])).toBe(2);
});
