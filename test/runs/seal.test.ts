import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { readConfig } from '../../src/runs/configs.ts';
import { listRuns } from '../../src/runs/list.ts';
import { fromJson, toJson } from '../../src/runs/metrics.ts';
import { readEvaluations, readLogs } from '../../src/runs/read.ts';
import { readResult } from '../../src/runs/store.ts';
import { readPlan, writePlan } from '../../src/runs/study.ts';
import { samplePlan } from '../experiment/sampleStudy.ts';
import { openSample, sampleExperiment, sampleResult, sampleStep, temporaryFolder } from './sample.ts';

const result = sampleResult({ last: { step: 2, epoch: 0.1, loss: NaN, top1: 0.9 }, activity: { 'agc/clipped': 0 } });
const root = join(temporaryFolder(), 'runs');
const dir = join(root, 'sample-abababab');

beforeAll(async () => {
  const run = await openSample(dir, sampleExperiment());
  run.step(sampleStep(1));
  run.step(sampleStep(2, { loss: Infinity }));
  run.evaluation({ step: 2, epoch: 0.1, loss: 2, top1: 0.5 });
  await run.finish(result);
});

/** Reads a file with each of its bytes changed in turn: how many of the changes are errors that name it, and what else was read. */
async function changed(path: string, read: () => Promise<unknown>, stride = 1) {
  const sound = readFileSync(path);
  const others: unknown[] = [];
  let refused = 0;
  for (let i = 0; i < sound.length; i += stride) {
    const bytes = Buffer.from(sound);
    bytes[i]! ^= 1;
    writeFileSync(path, bytes);
    await read().then(
      (value) => others.push(value),
      (error: unknown) => {
        expect(error).toBeInstanceOf(UserError);
        expect((error as UserError).message).toContain(path);
        refused += 1;
      },
    );
  }
  writeFileSync(path, sound);
  return { refused, others };
}

describe('a byte changed in', () => {
  test('a result is refused, or changes nothing that is read', async () => {
    expect(await readResult(dir)).toEqual(result);
    const { refused, others } = await changed(join(dir, 'result.json'), () => readResult(dir));
    for (const other of others) expect(other).toMatchObject(result); // in the name of the sum itself
    expect(others.length).toBeLessThan(10);
    expect(refused).toBeGreaterThan(1000);
  });

  test('a plan is refused, or changes nothing that is read', async () => {
    const study = join(root, 'demo');
    await writePlan(study, samplePlan);
    expect(await readPlan(study)).toEqual(samplePlan);
    const { refused, others } = await changed(join(study, 'plan.json'), () => readPlan(study), 13);
    for (const other of others) expect(other).toMatchObject(samplePlan);
    expect(refused).toBeGreaterThan(500);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['config.yaml', () => readConfig(dir)],
    ['metrics.jsonl', () => readLogs(dir)],
    ['timing.jsonl', () => readLogs(dir)],
    ['evals.jsonl', () => readEvaluations(dir)],
  ])('%s of a finished run is refused', async (file, read) => {
    const { others } = await changed(join(dir, file), read, 3);
    expect(others).toEqual([]);
    await read();
  });
});

test('a digit changed in a result makes its run unreadable in every list', async () => {
  const path = join(dir, 'result.json');
  const sound = readFileSync(path, 'utf8');
  writeFileSync(path, sound.replace('"top1": 0.9', '"top1": 0.8'));
  expect(readFileSync(path, 'utf8')).not.toBe(sound);
  expect((await listRuns(root)).find((entry) => entry.dir === dir)).toMatchObject({
    state: 'unreadable',
    reason: `${path}: it is not what was written`,
  });
  writeFileSync(path, sound);
});

test('the result names every file beside it, with its SHA-256', () => {
  const { files } = fromJson(readFileSync(join(dir, 'result.json'), 'utf8')) as { files: Record<string, string> };
  const logs = readdirSync(dir).filter((name) => !['attempts', 'result.json'].includes(name));
  const ofFile = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(dir, name)))
      .digest('hex');
  expect(files).toEqual(Object.fromEntries(logs.map((name) => [name, ofFile(name)])));
});

test('results, logs and plans of version 0.1, which say nothing of themselves, are read as they are', async () => {
  const older = join(temporaryFolder(), 'older');
  await (await openSample(older)).finish(result);
  writeFileSync(join(older, 'result.json'), toJson(result));
  writeFileSync(join(older, 'config.yaml'), 'seed: 7\n');
  expect(await readResult(older)).toEqual(result);
  expect(await readConfig(older)).toEqual({ seed: 7 });
  await writePlan(older, samplePlan);
  writeFileSync(join(older, 'plan.json'), toJson(samplePlan));
  expect(await readPlan(older)).toEqual(samplePlan);
});
