import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildProgram } from '../../src/cli/program.ts';
import { scoredTrials } from '../../src/experiment/search/ledger.ts';
import { studyTable } from '../../src/experiment/table/table.ts';
import { csvTable } from '../../src/report/csv.ts';
import { armCurves, type LoggedRun } from '../../src/report/curves.ts';
import { failureList } from '../../src/report/html/failures.ts';
import { watchSummary } from '../../src/report/watchText.ts';
import { followStudy } from '../../src/runs/follow.ts';
import { sessionEnd } from '../../src/runs/hparams.ts';
import { listRuns } from '../../src/runs/list.ts';
import { endedShort, failures, isWhole, runStatuses, statuses, type RunStatus } from '../../src/runs/statuses.ts';
import { writePlan } from '../../src/runs/study.ts';
import { sampleEntries, samplePlan, studyOf } from '../experiment/sampleStudy.ts';
import { openSample, sampleResult, sampleStep, temporaryFolder } from './sample.ts';

/** What a reader of the README expects of each. */
const expected: Readonly<Record<RunStatus, { counts: 'whole' | 'failure' | 'missing'; exitCode: number }>> = {
  completed: { counts: 'whole', exitCode: 0 },
  target_reached: { counts: 'whole', exitCode: 0 },
  diverged: { counts: 'failure', exitCode: 4 },
  exploded: { counts: 'failure', exitCode: 4 },
  stuck: { counts: 'failure', exitCode: 4 },
  timeout: { counts: 'missing', exitCode: 0 },
  interrupted: { counts: 'missing', exitCode: 0 },
  failed: { counts: 'missing', exitCode: 0 },
};

test('each status counts as, and ends `run` with, what the README says', () => {
  for (const status of runStatuses) expect(statuses[status], status).toMatchObject(expected[status]);
  expect(failures).toEqual(['diverged', 'exploded', 'stuck']);
});

test('the README and the help name the failures, and `ls` every status of a finished run', () => {
  const readme = readFileSync('README.md', 'utf8').replaceAll('\n', ' ');
  expect(readme).toContain('4 diverged, exploded or stuck,');
  expect(readme).toContain('Runs that diverge, explode or get stuck count at chance');
  const program = buildProgram();
  let help = '';
  program.configureOutput({ writeOut: (text) => void (help += text) });
  program.outputHelp();
  expect(help).toContain('4 diverged, exploded or stuck ·');
  const ls = program.commands.find((command) => command.name() === 'ls')!;
  ls.configureOutput({ writeOut: (text) => void (help += text) });
  ls.outputHelp();
  expect(help).toContain('Status is completed, target_reached, diverged, exploded, stuck or timeout of a finished run');
});

describe('a run that exploded', () => {
  const change = { 'ranger21/1': { status: 'exploded', reason: 'loss peaked at 4.1e+6' } } as const;
  const entries = sampleEntries(change);
  const table = studyTable(samplePlan, entries);
  const row = table.rows.find(({ arm }) => arm === 'ranger21')!;

  test('counts in a table as a failure, at the accuracy of guessing', () => {
    expect(row).toMatchObject({
      completed: 2,
      failures: { exploded: 1 },
      failureShare: { failed: 1, of: 3 },
      top1: { mean: (0.9 + 0.1 + 0.94) / 3, basis: 'intention to treat' },
    });
    expect(table.notes[0]).toContain('ranger21 1 exploded of 3');
    expect(table.caption.failed).toBe(3); // with the sample's stuck and its diverged run
  });

  test('has a column in the CSV, an entry in the report and a cross in its figures', () => {
    const [head, ...lines] = csvTable(table).split('\r\n');
    const at = head!.split(',').indexOf('exploded');
    const line = lines.find((text) => text.startsWith('demo,ranger21,'))!;
    expect(line.split(',')[at]).toBe('1');
    expect(failureList(table.rows).markup).toMatch(/<strong>exploded<\/strong>, loss peaked at 4\.1e\+6/);
    const steps = [1, 2].map((step) => sampleStep(step));
    const short: LoggedRun = { seed: 1, state: 'exploded', logs: { steps: steps.slice(0, 1), evaluations: [] } };
    const long: LoggedRun = { seed: 0, state: 'completed', logs: { steps, evaluations: [] } };
    expect(armCurves('a', [long, short]).stops).toEqual([{ seed: 1, step: 1, state: 'exploded' }]);
  });

  test('is a failed session to TensorBoard: status 2, not 1', () => {
    const field = (status: RunStatus) => sessionEnd(status, 0).indexOf(Buffer.from([0x08, expected[status].counts === 'whole' ? 1 : 2, 0x11])); // prettier-ignore
    for (const status of runStatuses) expect(field(status), status).toBeGreaterThan(0);
  });

  test('is listed and watched under that name', async () => {
    const root = join(temporaryFolder(), 'runs');
    const dir = join(root, 'demo');
    await writePlan(dir, samplePlan);
    const { path, id } = samplePlan.runs.find(({ arm }) => arm === 'ranger21')!;
    const run = await openSample(join(dir, path));
    await run.finish(sampleResult({ id, arm: 'ranger21', study: 'demo', ...change['ranger21/1'] }));
    expect((await listRuns(root)).find((entry) => entry.id === id)).toMatchObject({ state: 'exploded' });
    const runs = await followStudy(root, dir, () => true)();
    expect(runs.find((view) => view.path === path)).toMatchObject({ state: 'exploded' });
    expect(watchSummary('demo', { runs, hasEnded: true }, String)).toBe('demo: 12 runs, 1 exploded, 11 queued');
  });

  test('is a trial of a search that scored what guessing scores', () => {
    const { plan, entries } = studyOf({ adamw: ['exploded'] });
    const experiment = plan.arms[0]!.experiment;
    const trial = { arm: 'adamw', name: 'adamw', by: 'search', values: {}, places: {}, experiment } as const;
    const planned = { ...plan, runs: plan.runs.filter(({ arm }) => arm === 'adamw') };
    const [record] = scoredTrials([trial], planned, entries, { chance: 0.1, folder: '' });
    expect(record).toMatchObject({ status: 'failed', score: 0.1 });
  });
});

test('a finished run is whole or ended short, and never both', () => {
  for (const status of runStatuses) {
    const { isFinished } = statuses[status];
    expect([isWhole(status), endedShort(status)].filter(Boolean), status).toHaveLength(isFinished ? 1 : 0);
  }
});
