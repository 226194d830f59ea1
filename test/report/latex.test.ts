import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Row } from '../../src/experiment/table/rows.ts';
import { studyTable, type StudyTable } from '../../src/experiment/table/table.ts';
import { latex, latexTable } from '../../src/report/latex.ts';
import { syntheticPlan, syntheticRuns } from './syntheticStudy.ts';

const plan = syntheticPlan(10);
const table = studyTable(
  plan,
  syntheticRuns(plan).map(({ entry }) => entry),
);

describe('text', () => {
  // The ten characters with a meaning of their own: Lamport, LaTeX: A Document Preparation System, § 2.1.
  test('the ten special characters print as themselves', () => {
    expect(latex('# $ % & _ { } ~ ^ \\')).toBe(
      '\\# \\$ \\% \\& \\_ \\{ \\} \\textasciitilde{} \\textasciicircum{} \\textbackslash{}',
    );
  });

  test('signs become mathematics, and letters LaTeX has none for their code points', () => {
    expect(latex('−1 ± δ')).toBe('$-$1 $\\pm$ $\\delta$');
    expect(latex('é 中')).toBe('é \\texttt{U+4E2D}');
  });
});

test('bold and a dagger where, and only where, a verdict is bold; a double dagger where runs are missing', () => {
  const lines = latexTable(table).split('\n');
  for (const { arm, comparison, completed, planned } of table.rows) {
    const line = lines.find((text) => text.startsWith(`\\texttt{${arm}} &`)) ?? '';
    expect(line.includes('\\bfseries') && line.includes('\\dag}'), line).toBe(comparison?.verdict.bold ?? false);
    expect(line.includes('\\ddag}'), line).toBe(completed < planned);
    expect(line.endsWith('\\\\')).toBe(true);
  }
  expect(table.rows.some(({ comparison }) => comparison?.verdict.bold)).toBe(true);
});

const hasLatex =
  ['booktabs.sty', 'siunitx.sty'].every((file) => spawnSync('kpsewhich', [file]).status === 0) &&
  spawnSync('pdflatex', ['--version']).status === 0;
const required = (process.env['RANGER21_REQUIRE'] ?? '').split(',').includes('latex');
if (!hasLatex && !required)
  console.log('skipped: compiling a table, because pdflatex, booktabs or siunitx was not found');

describe.skipIf(!hasLatex && !required)('pdflatex', () => {
  function compile(text: string): { code: number | null; log: string } {
    const dir = mkdtempSync(join(tmpdir(), 'ranger21-latex-'));
    writeFileSync(join(dir, 'table.tex'), text);
    writeFileSync(
      join(dir, 'paper.tex'),
      '\\documentclass[a4paper]{article}\\usepackage[margin=2cm]{geometry}\\usepackage{booktabs}\\usepackage{siunitx}' +
        '\\begin{document}\\input{table}\\end{document}',
    );
    const { status, stdout } = spawnSync('pdflatex', ['-interaction=nonstopmode', '-halt-on-error', 'paper.tex'], {
      cwd: dir,
      encoding: 'utf8',
    });
    return { code: status, log: stdout };
  }

  test('compiles the table, which fits an A4 page', () => {
    const { code, log } = compile(latexTable(table));
    expect(code, log).toBe(0);
    expect(log).toContain('(1 page');
    expect(log).not.toContain('Overfull');
  });

  test('compiles whatever stands in names and notes', () => {
    const odd = String.fromCharCode(...Array.from({ length: 95 }, (_, i) => 32 + i));
    const names: StudyTable = {
      ...table,
      study: odd,
      notes: [odd, '±×·…≤≥≡→∞‖√Δαβδεηλρ’‘“”²₁₂–—−中\u0007\n\n\\end{document}'],
      rows: table.rows.map((row) => ({ ...row, arm: `${row.arm}${odd}`, group: odd as Row['group'] })),
    };
    const { code, log } = compile(latexTable(names));
    expect(code, log).toBe(0);
  });

  test('compiles a table in which nothing has been trained', () => {
    const { code, log } = compile(latexTable(studyTable(plan, [])));
    expect(code, log).toBe(0);
  });
});
