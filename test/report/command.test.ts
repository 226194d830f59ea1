import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { buildProgram } from '../../src/cli/program.ts';
import { syntheticPlan, writeSynthetic } from './syntheticStudy.ts';

afterEach(() => vi.restoreAllMocks());

async function ranger21(...args: string[]): Promise<string> {
  const said: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((text: string) => void said.push(text));
  await buildProgram().parseAsync(args, { from: 'user' });
  return said.join('\n');
}

const root = mkdtempSync(join(tmpdir(), 'ranger21-report-'));
const plan = syntheticPlan(2);
const dir = writeSynthetic(root, plan);

test('writes the report beside the plan, by the study’s name or folder, and prints where', async () => {
  expect(await ranger21('report', 'synthetic', '--runs', root)).toBe(join(dir, 'report.html'));
  const first = readFileSync(join(dir, 'report.html'), 'utf8');
  expect(first).toContain('2 seeds: descriptive only');
  expect(await ranger21('report', dir)).toBe(join(dir, 'report.html'));
  expect(readFileSync(join(dir, 'report.html'), 'utf8')).toBe(first);
  expect(existsSync(join(dir, 'figures/cost.svg'))).toBe(true);
});

test('before anything is trained there is a report that says so', async () => {
  for (const { arm } of plan.runs) rmSync(join(dir, arm), { recursive: true, force: true });
  await ranger21('report', dir);
  const page = readFileSync(join(dir, 'report.html'), 'utf8');
  expect(page).toContain('26 runs, 0 completed');
  expect(page).not.toContain('NaN');
});

test('a study that is not there is an error with its remedy', async () => {
  await expect(ranger21('report', 'synthetik', '--runs', root)).rejects.toThrow('did you mean synthetic?');
});
