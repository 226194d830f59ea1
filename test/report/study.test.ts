import { describe, expect, test } from 'vitest';
import { studyTable } from '../../src/experiment/table.ts';
import { csvTable } from '../../src/report/csv.ts';
import { jsonTable } from '../../src/report/json.ts';
import { markdownTable } from '../../src/report/markdown.ts';
import { points, threeFigures } from '../../src/report/numbers.ts';
import { sampleEntries, samplePlan } from '../experiment/sampleStudy.ts';

const table = studyTable(samplePlan, sampleEntries());

test('Markdown', () => {
  expect(markdownTable({ ...table, caption: { ...table.caption, model: 'r8-basic' } })).toBe(`\
**demo**: r8-basic · digits, data fefefefe · 2 epochs, batch 64 · seeds 0, 1, 2 · reference semantics · lr 0.001 and \
weight decay 0.0001 shared by all arms, not tuned for each · onnx, CPU, 2 threads · ranger21 0.1.0@3f2a91c0 · 2026-11-01

| arm           | runs                     | top-1 %      | Δ vs ranger21, points [95 %] | loss            | ms/step | state × | activity  |
| ------------- | ------------------------ | ------------ | ---------------------------- | --------------- | ------- | ------- | --------- |
| \`ranger21\`    | 3/3                      | 92.00 ± 2.00 | reference                    | 0.4000 ± 0.1000 | 52      | 4       | –         |
| \`-pnm\`        | 3/3                      | 91.00 ± 2.65 | −1.00 [−3.48, +1.48]         | 0.6000 ± 0.0000 | 46      | 4       | ratio 1.5 |
| \`adamw\`       | 1/3: 1 stuck, 1 diverged | 80.00        | −12.00 (n=1)                 | 0.7000          | 30      | 2       | –         |
| \`adamw+sched\` | 2/3: 1 not started       | 92.00 ± 1.41 | 0.00 [−12.71, +12.71] (n=2)  | 0.5000 ± 0.0707 | 30.5    | 2       | –         |

top-1 and loss: held-out set, last step, mean ± sd over seeds. Δ: paired by seed, Student-t interval.

- means are over completed runs only: adamw 1/3 (1 stuck, 1 diverged), adamw+sched 2/3 (1 not started)
- the difference of adamw is over the seeds both arms completed: 1
- the difference of adamw+sched is over the seeds both arms completed: 0, 2
- on in ranger21 without doing anything: softplus, lookahead; this study says nothing about that
`);
});

describe('CSV', () => {
  const lines = csvTable(table).trimEnd().split('\r\n');
  const [head = [], ...rows] = lines.map((line) => line.split(','));
  const cell = (row: number, column: string) => rows[row]?.[head.indexOf(column)];

  test('one line an arm, as many cells as the head', () => {
    expect(rows.map((row) => row.length)).toEqual([25, 25, 25, 25].map(() => head.length));
    expect(rows.map((_, i) => cell(i, 'arm'))).toEqual(['ranger21', '-pnm', 'adamw', 'adamw+sched']);
  });

  test('shares in full, failures counted, nothing where there is no number', () => {
    expect(cell(2, 'top1_mean')).toBe('0.8');
    expect([cell(2, 'stuck'), cell(2, 'diverged'), cell(3, 'not_started')]).toEqual(['1', '1', '1']);
    expect([cell(2, 'top1_sd'), cell(2, 'top1_difference_low'), cell(0, 'top1_difference')]).toEqual(['', '', '']);
    expect(cell(3, 'paired_seeds')).toBe('0 2');
  });

  test('cells with commas and quotes are quoted', () => {
    const odd = { ...table, study: 'a,"b"' };
    expect(csvTable(odd).split('\r\n')[1]).toMatch(/^"a,""b""",ranger21,/);
  });
});

test('JSON holds the table, the runs behind each row with it', () => {
  expect(JSON.parse(jsonTable(table))).toEqual(table);
  expect(table.rows.flatMap(({ runs }) => runs.map(({ id }) => id)).sort()).toEqual(
    samplePlan.runs.map(({ id }) => id).sort(),
  );
});

test('signs and figures', () => {
  expect([0.0031, -0.0031, -0.00001, 0].map(points)).toEqual(['+0.31', '−0.31', '0.00', '0.00']);
  expect([1234.5, 52.04, 0.012345, 4, null, NaN].map(threeFigures)).toEqual(['1230', '52', '0.0123', '4', '–', 'NaN']);
});
