import { join } from 'node:path';
import { expect, test } from 'vitest';
import { chanceIn } from '../../src/cli/chance.ts';
import type { RunEntry } from '../../src/runs/list.ts';
import { writePlan } from '../../src/runs/study.ts';
import { samplePlan } from '../experiment/sampleStudy.ts';
import { sampleResult, temporaryFolder } from '../runs/sample.ts';

const root = join(temporaryFolder(), 'runs');
const entry = (path: string, top1?: number): RunEntry => {
  const chance = top1 !== undefined && { chance: { uniformLoss: 1, priorLoss: 1, top1 } };
  const result = sampleResult({ ...chance });
  return { dir: join(root, path), path, id: 'a', state: 'completed', attempts: 0, result };
};

test('what guessing scores is what the results of single runs record, where they agree', async () => {
  expect(await chanceIn([entry('a-1', 0.95), entry('b-1', 0.95)])).toBe(0.95);
  expect(await chanceIn([entry('a-1', 0.95), entry('b-1', 0.5)])).toBeUndefined();
  expect(await chanceIn([entry('a-1', 0.95), entry('b-1')])).toBeUndefined();
});

test('for a study’s runs it is what the plan says, whatever its results do', async () => {
  await writePlan(join(root, 'demo'), samplePlan);
  expect(await chanceIn([entry('demo/adamw/0-a', 0.5)])).toBe(0.1);
  expect(await chanceIn([entry('demo/adamw/0-a', 0.5), entry('a-1', 0.1)])).toBe(0.1);
});
