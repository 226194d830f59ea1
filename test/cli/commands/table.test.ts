import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { tableCommand } from '../../../src/cli/commands/table.ts';
import { tableOf } from '../../../src/cli/tableOf.ts';
import { arms } from '../../../src/experiment/study/ablation.ts';
import { makePlan } from '../../../src/experiment/study/plan.ts';
import { optimizerSchema } from '../../../src/optim/config.ts';
import { writePlan, writeTables } from '../../../src/runs/study.ts';
import { openSample, sampleExperiment, sampleResult, temporaryFolder } from '../../runs/sample.ts';

const root = join(temporaryFolder(), 'runs');
const dir = join(root, 'demo');
const plan = makePlan({
  study: 'demo',
  arms: arms(sampleExperiment(), { disable: ['pnm'] }),
  seeds: [0, 1],
  fingerprint: 'f',
});
const resultOf = (arm: string, seed: number) => {
  const { path } = plan.runs.find((run) => run.arm === arm && run.seed === seed)!;
  return join(dir, path, 'result.json');
};

beforeAll(async () => {
  await writePlan(dir, plan);
  for (const { arm, seed, id, path } of plan.runs) {
    const last = { step: 40, epoch: 2, loss: 0.5, top1: 0.9 + seed / 100 };
    await (
      await openSample(join(dir, path))
    ).finish(sampleResult({ id, seed, study: 'demo', arm, last, best: last, code: 'ab'.repeat(32) }));
  }
  await writeTables(dir, (await tableOf(root, dir)).texts);
});
afterEach(() => void vi.restoreAllMocks());

/** What the command writes to stdout and stderr. */
async function outputOf(...args: string[]) {
  const [out, error] = [[] as string[], [] as string[]];
  vi.spyOn(console, 'error').mockImplementation((text: string) => void error.push(text));
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => out.push(text as string) > 0);
  await tableCommand().parseAsync(['demo', ...args, '--runs', root], { from: 'user' });
  return { out: out.join(''), error: error.join('\n') };
}

/** The result of a run with one value changed, and without the sum that would tell, for the time of `use`. */
async function withResult<T>(path: string, change: (text: string) => string, use: () => Promise<T>): Promise<T> {
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, change(text).replace(/,\s*"sum": "\w{64}"/, ''));
  return use().finally(() => writeFileSync(path, text));
}

describe('ranger21 table --check', () => {
  test('tables that are what the runs say: nothing on stdout, no error', async () => {
    expect(await outputOf('--check')).toEqual({
      out: '',
      error: expect.stringMatching(/^table\.md, table\.csv, table\.json.*: as recomputed$/) as string,
    });
  });

  test('a run that says something else: 5, with the cells', async () => {
    const worse = (text: string) => text.replaceAll('0.91', '0.71');
    await withResult(resultOf('-pnm', 1), worse, () =>
      expect(outputOf('--check')).rejects.toMatchObject({
        code: 5,
        message: expect.stringMatching(
          /^table\.md, table\.csv, table\.json.* in .*demo are not what the runs say\n {2}rows\[-pnm\]\.top1\.mean: 0\.905 → 0\.8\d+\n/,
        ) as string,
      }),
    );
  });

  test('an edited table: 5, with the edited cell', async () => {
    const path = join(dir, 'table.json');
    await withResult(
      path,
      (text) => text.replace('"mean": 0.905', '"mean": 0.955'),
      () =>
        expect(outputOf('--check')).rejects.toMatchObject({
          code: 5,
          message: expect.stringMatching(
            /^table\.json in .* is not what the runs say\n {2}rows\[adamw\]\.top1\.mean: 0\.955 → 0\.905$/,
          ) as string,
        }),
    );
  });
});

describe('runs that make no table', () => {
  const otherCode = (text: string) => text.replace('ab'.repeat(32), 'cd'.repeat(32));

  test('of other training code: 5, and a way out', async () => {
    await withResult(resultOf('-pnm', 1), otherCode, async () => {
      await expect(outputOf()).rejects.toMatchObject({
        code: 5,
        message: expect.stringContaining(
          'training code differ: abababab (ranger21, -pnm, adamw, adamw+sched); cdcdcdcd (-pnm)',
        ) as string,
        remedy: 'train the older runs again, or compare them all the same with --accept-drift',
      });
      expect((await outputOf('--accept-drift')).out).toContain('cdcdcdcd (-pnm); differences may come from it');
    });
  });

  test('of another length: 5, and no way round', async () => {
    await withResult(
      resultOf('-pnm', 1),
      (text) => text.replace('"steps": 40', '"steps": 80'),
      () =>
        expect(outputOf('--accept-drift')).rejects.toMatchObject({
          code: 5,
          message: expect.stringContaining(
            'steps differ: 40 (ranger21, -pnm, adamw, adamw+sched); 80 (-pnm)',
          ) as string,
        }),
    );
  });
});

test('the caption of a plan that does not record what it changes about its semantics says so', async () => {
  const old = join(root, 'old');
  const optimizer = optimizerSchema.parse({ components: { gradnorm: { passes: 1 } } });
  const { changedOptions: _, ...planned } = makePlan({
    study: 'old',
    arms: arms(sampleExperiment({ optimizer }), { disable: ['pnm'] }),
    seeds: [0],
    fingerprint: 'f',
  });
  await writePlan(old, planned);
  const text = ' · reference semantics (whether options differ from it is not recorded) · ';
  expect((await tableOf(root, old)).texts.md).toContain(text);
});
