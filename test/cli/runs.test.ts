import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { lsCommand } from '../../src/cli/commands/ls.ts';
import { showCommand } from '../../src/cli/commands/show.ts';
import { tableCommand } from '../../src/cli/commands/table.ts';
import { arms } from '../../src/experiment/study/ablation.ts';
import { makePlan } from '../../src/experiment/study/plan.ts';
import { writePlan } from '../../src/runs/study.ts';
import { openSample, sampleExperiment, sampleResult, temporaryFolder } from '../runs/sample.ts';

const root = join(temporaryFolder(), 'runs');
const plan = makePlan({
  study: 'demo',
  arms: arms(sampleExperiment(), { disable: ['pnm'] }),
  seeds: [0],
  fingerprint: 'f',
});

beforeAll(async () => {
  await writePlan(join(root, 'demo'), plan);
  for (const { arm, id, path } of plan.runs.slice(0, 2)) {
    await (await openSample(join(root, 'demo', path))).finish(sampleResult({ id, study: 'demo', arm }));
  }
  const failed = await openSample(join(root, 'demo', plan.runs[2]!.path));
  await failed.abandon('failed', 'out of memory', { step: 0, stepsHere: 0 });
});

/** What the command writes to stdout and stderr. */
async function outputOf(
  command: { parseAsync(args: string[], from: { from: 'user' }): Promise<unknown> },
  ...args: string[]
) {
  const [out, error] = [[] as string[], [] as string[]];
  vi.spyOn(console, 'log').mockImplementation((text: string) => void out.push(`${text}\n`));
  vi.spyOn(console, 'error').mockImplementation((text: string) => void error.push(`${text}\n`));
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => out.push(text as string) > 0);
  await command.parseAsync([...args, '--runs', root], { from: 'user' });
  return { out: out.join(''), error: error.join('') };
}
afterEach(() => void vi.restoreAllMocks());

describe('ranger21 table', () => {
  test('prints Markdown, CSV or JSON, and nothing else', async () => {
    expect((await outputOf(tableCommand(), 'demo')).out).toMatch(/^\| `adamw` .*\| 0\/1: 1 broke off /m);
    expect((await outputOf(tableCommand(), 'demo', '--format', 'csv')).out).toMatch(/^study,arm,group,.*\r\ndemo,/);
    const { out, error } = await outputOf(tableCommand(), 'demo', '--json');
    expect((JSON.parse(out) as { rows: { arm: string }[] }).rows.map(({ arm }) => arm)).toEqual([
      ...['adamw', 'adamw+sched', 'ranger21', '-pnm'],
    ]);
    expect(error).toBe('');
  });

  test('an unknown study is refused with a near one', async () => {
    await expect(outputOf(tableCommand(), 'dem')).rejects.toMatchObject({
      message: `no study dem under ${root}; did you mean demo?`,
      code: 2,
    });
  });

  test('an altered result is counted and not averaged', async () => {
    const path = join(root, 'demo', plan.runs[1]!.path, 'result.json');
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.slice(0, 50));
    const { out } = await outputOf(tableCommand(), 'demo').finally(() => writeFileSync(path, text));
    expect(out).toMatch(/^\| `-pnm` .*\| 0\/1: 1 unreadable /m);
  });
});

describe('ranger21 ls', () => {
  test('a result that belongs to another run is not counted', async () => {
    const path = join(root, 'demo', plan.runs[1]!.path, 'result.json');
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, readFileSync(join(root, 'demo', plan.runs[0]!.path, 'result.json')));
    const { out } = await outputOf(lsCommand(), 'arm:-pnm', '--json').finally(() => writeFileSync(path, text));
    const { runs } = JSON.parse(out) as { runs: object[] };
    expect(runs).toMatchObject([{ state: 'unreadable', id: plan.runs[1]!.id }]);
    expect(runs[0]).toMatchObject({ reason: `${path} is the result of run ${plan.runs[0]!.id.slice(0, 8)}` });
    expect(runs[0]).not.toHaveProperty('result');
  });

  test.each(['config.yaml', 'attempts/1/env.json'])('an emptied %s is told, and the list goes on', async (file) => {
    const path = join(root, 'demo', plan.runs[2]!.path, file);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, file.endsWith('.json') ? 'null' : '');
    const { out } = await outputOf(lsCommand(), '--json').finally(() => writeFileSync(path, text));
    const { runs } = JSON.parse(out) as { runs: { state: string; reason?: string }[] };
    expect(runs.map(({ state }) => state)).toEqual(['completed', 'completed', 'unreadable', 'planned']);
    expect(runs[2]!.reason).toContain(path);
  });

  test.each<[string[], string[]]>([
    [[], ['completed', 'completed', 'failed', 'planned']],
    [['arm:-pnm'], ['completed']],
    [['status=failed'], ['failed']],
    [['study:demo', 'seed:0', 'adamw'], ['failed']],
    [
      ['study=demo', 'arm=adamw*'],
      ['failed', 'planned'],
    ],
    [['seed:1'], []],
  ])('%j', async (selectors, states) => {
    const { out } = await outputOf(lsCommand(), ...selectors, '--json');
    expect((JSON.parse(out) as { runs: { state: string }[] }).runs.map(({ state }) => state)).toEqual(states);
  });

  test('nothing found is said on stderr', async () => {
    expect(await outputOf(lsCommand(), 'seed:1')).toEqual({ out: '', error: `no run under ${root} matches seed:1\n` });
  });

  test('an unknown field is refused with a near one', async () => {
    await expect(outputOf(lsCommand(), 'stauts:failed')).rejects.toThrow(
      'cannot select by stauts; did you mean status?',
    );
  });
});

describe('ranger21 show', () => {
  test('a finished run and a failed one', async () => {
    expect((await outputOf(showCommand(), 'demo/ranger21')).out).toContain('status   completed\n');
    expect((await outputOf(showCommand(), 'demo/adamw')).out).toContain('status   failed: out of memory\n');
    const { out } = await outputOf(showCommand(), 'demo/adamw', '--json');
    expect(JSON.parse(out)).toMatchObject({
      state: 'failed',
      reason: 'out of memory',
      lastStep: null,
      evaluations: [],
    });
  });
});

test('table, ls, show, compare, diff and watch load neither TensorFlow.js nor zod', () => {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(
      /(?<!import type [^;]*)(?:from|import\()\s*'(\.[^']+)'/g,
    )) {
      visit(join(file, '..', path));
    }
  };
  ['table', 'ls', 'show', 'compare', 'diff', 'watch'].forEach((name) => visit(`src/cli/commands/${name}.ts`));
  const heavy = [...seen].filter((file) => /'(zod|@tensorflow\/[^']*)'/.test(readFileSync(file, 'utf8')));
  expect(heavy).toEqual([]);
  expect(seen.size).toBeGreaterThan(20);
});
