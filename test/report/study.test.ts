import { describe, expect, test } from 'vitest';
import { studyTable } from '../../src/experiment/table/table.ts';
import { cells } from '../../src/report/cells.ts';
import { csvTable } from '../../src/report/csv.ts';
import { jsonTable } from '../../src/report/json.ts';
import { markdownTable } from '../../src/report/markdown.ts';
import { compact, points, probability, threeFigures } from '../../src/report/numbers.ts';
import { studyReport } from '../../src/report/studyReport.ts';
import { differingCells } from '../../src/report/tableDifference.ts';
import { sampleEntries, samplePlan, studyOf } from '../experiment/sampleStudy.ts';

const table = studyTable(samplePlan, sampleEntries());

describe('Markdown', () => {
  const text = markdownTable({ ...table, caption: { ...table.caption, model: 'r8-basic' } });
  const lines = text.split('\n');
  const cellsOf = (arm: string) =>
    lines
      .find((line) => line.startsWith(`| \`${arm}\` `))!
      .split('|')
      .map((cell) => cell.trim())
      .slice(1, -1);

  test('the caption says everything a reader needs', () => {
    expect(lines[0]).toBe(
      '**demo**: r8-basic · digits, data fefefefe, 1437 images, 360 held out · 8×8×1 · 40 steps, 2 epochs · batch 64 · ' +
        'chance 10.00 % (1/C, and ln C for losses: the plan does not record the labels) · ' +
        'T0: hyperparameters shared by all arms, not a tuned comparison · selection: last step · seeds 0, 1, 2 · ' +
        'δ = 0.2 points, α = 0.05, Holm within a family · headline: 3 seeds cannot give helps or hurts in a family of 2: 7 are needed · ' +
        'leave one out: 3 seeds cannot give helps or hurts: 6 are needed · a processor, 2 cores; onnx, CPU, 2 threads · reference semantics · ' +
        'lr 0.001, weight decay 0.0001 · ranger21 0.1.0@3f2a91c0 · 2026-11-01 · 12 runs, 2 failed',
    );
  });

  test('groups say what their rows are compared with; columns that are empty everywhere are left out', () => {
    expect(lines.filter((line) => line.startsWith('| *')).map((line) => line.split('|')[1]!.trim())).toEqual([
      ...['*baselines*, vs `ranger21`', '*full*, vs `adamw+sched`', '*leave one out*, vs `ranger21`'],
    ]);
    expect(lines[2]!.split('|').map((cell) => cell.trim()).slice(1, -1)).toEqual([
      ...['arm', 'HP', 'n ok/N', 'val top-1 %', 'Δ vs ref [95 %]', 'p (Holm)', 'verdict', 'val loss'],
      ...['ms/step (optimizer)', 'state ×', 'activity'],
    ]); // prettier-ignore
  });

  test('cells', () => {
    expect(cellsOf('-pnm')).toEqual([
      ...['`-pnm`', 'inherited 0.001', '3/3', '91.00 ± 2.65', '−1.00 [−3.48, +1.48]', '0.500'],
      ...['inconclusive (3 seeds cannot give helps or hurts: 6 are needed)', '0.6000 ± 0.0000', '46', '4', 'ratio 1.5'],
    ]);
    expect(cellsOf('adamw').slice(0, 4)).toEqual([
      '`adamw`',
      'inherited 0.001',
      '1/3: 1 stuck, 1 diverged',
      '33.33 ± 40.41',
    ]);
    expect(cellsOf('ranger21').slice(4, 7)).toEqual([
      ...['0.00 [−12.71, +12.71] (n=2)', '–', 'inconclusive (2 seeds: descriptive only)'],
    ]);
  });

  test('only what is significant is bold', () => {
    const [full, worse] = [Array<number>(8).fill(0.9), [0.88, 0.87, 0.89, 0.88, 0.86, 0.87, 0.88, 0.85]];
    const { plan, entries } = studyOf({ ranger21: full, '-pnm': worse }, { choice: { disable: ['pnm'] } });
    const bold = markdownTable(studyTable(plan, entries))
      .split('\n')
      .filter((line) => line.startsWith('| `') && line.includes('**'));
    expect(bold).toHaveLength(1);
    expect(bold[0]).toMatch(/^\| `-pnm` .*\| \*\*hurts\*\* /);
  });

  test('the footer says what the controls showed, where the runs are and what would change the table', () => {
    expect(text).toContain(
      'A/A: no result, so the noise floor is unknown · same seed twice: no result · every component off ≡ AdamW: not checked',
    );
    expect(text).toContain('Runs: [adamw](adamw/), [adamw+sched](adamw+sched/), [ranger21](ranger21/), [-pnm](-pnm/)');
    expect(text).toContain('- leave one out: 3 seeds cannot give helps or hurts: 6 are needed');
    expect(text).toContain('- missing, and in no mean: adamw+sched (1 not started)');
  });

  test('banners stand above the table', () => {
    const failed = markdownTable({ ...table, banners: ['a gate failed'] }).split('\n');
    expect(failed.indexOf('> **a gate failed**')).toBeLessThan(failed.findIndex((line) => line.startsWith('| arm')));
  });
});

describe('CSV', () => {
  const lines = csvTable(table).trimEnd().split('\r\n');
  const [head = [], ...rows] = lines.map((line) => line.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/));
  const cell = (arm: string, column: string) => rows.find((row) => row[1] === arm)![head.indexOf(column)];

  test('one line an arm, as many cells as the head', () => {
    expect(rows.map((row) => row.length)).toEqual(table.rows.map(() => head.length));
    expect(rows.map((row) => row[1])).toEqual(['adamw', 'adamw+sched', 'ranger21', '-pnm']);
  });

  test('shares in full, failures counted, nothing where there is no number', () => {
    expect(cell('adamw', 'top1_survivors')).toBe('0.8');
    expect([cell('adamw', 'stuck'), cell('adamw', 'diverged'), cell('adamw+sched', 'not_started')]).toEqual([
      '1',
      '1',
      '1',
    ]);
    expect([cell('adamw+sched', 'difference'), cell('ranger21', 'p'), cell('adamw', 'steps_to_target')]).toEqual([
      '',
      '',
      '',
    ]);
    expect([cell('-pnm', 'p'), cell('-pnm', 'p_holm'), cell('ranger21', 'paired_seeds')]).toEqual([
      '0.5',
      '0.5',
      '0 2',
    ]);
  });

  test('cells with commas and quotes are quoted', () => {
    expect(csvTable({ ...table, study: 'a,"b"' }).split('\r\n')[1]).toMatch(/^"a,""b""",adamw,/);
  });
});

test('JSON holds the table, the runs behind each row with it', () => {
  expect(JSON.parse(jsonTable(table))).toEqual(table);
  expect(table.rows.flatMap(({ runs }) => runs.map(({ id }) => id)).sort()).toEqual(
    samplePlan.runs.map(({ id }) => id).sort(),
  );
});

test('tables that differ are told by the arm and the cell', () => {
  const changed = studyTable(samplePlan, sampleEntries({ '-pnm/2': { msPerStep: 90 } }));
  expect(differingCells(table, table)).toEqual([]);
  expect(differingCells(table, changed)).toEqual(['rows[-pnm].msPerStep: 46 → 47']);
  expect(differingCells(undefined, { a: 1 })).toEqual(['table: absent → {"a":1}']);
});

test('an arm that shares another’s runs has a row and a difference, and is drawn and counted once', () => {
  const choice = { disable: ['agc', 'pnm'], design: ['leave-one-out' as const, 'ladder' as const], controls: [] };
  const { plan } = studyOf({ ranger21: [0.9, 0.9, 0.9] }, { choice });
  const values = Object.fromEntries(plan.arms.map(({ name }, i) => [name, [0.9, 0.91 + i / 100, 0.92]]));
  const { entries } = studyOf({ ...values, '-pnm': [0.8, 'diverged', 0.9] }, { choice });
  const table = studyTable(plan, entries);
  const { page, figures } = studyReport(plan, table, []);
  const trained = plan.arms.filter(({ sameAs }) => sameAs === undefined);
  expect(trained.length).toBe(plan.arms.length - 2);
  expect(page).toContain(
    `${trained.length} arms, seeds 0, 1, 2: ${3 * trained.length} runs, ${3 * trained.length - 1} completed`,
  );
  expect(page.match(/seed 1: <strong>diverged/g)).toHaveLength(1);
  expect(page).toContain('-agc (ladder) <span class="note soft">runs of -agc</span>');
  expect(figures['cost.csv']!.split('\r\n').map((line) => line.split(',')[0])).toEqual([
    ...['arm', 'adamw', 'adamw+sched', 'ranger21', '-agc', '-pnm', '-agc-pnm', '+agc', '+agc+pnm', ''],
  ]);
  expect(figures['differences.csv']).toContain('ladder,-agc-pnm (ladder),-agc,');
});

test('a speed-up has an open end where a resample did not reach the target, and none where one side never did', () => {
  const text = (speedUp: object) => cells.speedUp({ timeToTarget: { speedUp } } as never).text;
  expect(text({ ratio: 1, onlyBy: null, interval: [0, 1.25] })).toBe('1.00 (0, 1.25]');
  expect(text({ ratio: 1, onlyBy: null, interval: [0.5, Infinity] })).toBe('1.00 [0.50, ∞)');
  expect(text({ ratio: 2, onlyBy: null, interval: null })).toBe('2.00');
  expect(text({ ratio: null, onlyBy: 'arm', interval: null })).toBe('only the arm');
});

test('signs and figures', () => {
  expect([0.0031, -0.0031, -0.00001, 0].map(points)).toEqual(['+0.31', '−0.31', '0.00', '0.00']);
  expect([1234.5, 52.04, 0.012345, 4, null, NaN].map(threeFigures)).toEqual(['1230', '52', '0.0123', '4', '–', 'NaN']);
  expect([720, 41_234, Infinity].map(compact)).toEqual(['720', '41.2k', '∞']);
  expect([0.02, 0.00213, 1, 1e-6, null].map(probability)).toEqual(['0.020', '0.0021', '1.000', '<0.0001', '–']);
});
