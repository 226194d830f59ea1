/** Source files as JavaScript in a temporary folder, for processes that a test starts and kills. */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import ts from 'typescript';

/** Compiles these files of `src/` and all they import from there; returns the folder that stands for `src/`. */
export function compiled(...files: readonly string[]): string {
  const target = mkdtempSync(join(tmpdir(), 'ranger21-compiled-'));
  writeFileSync(join(target, 'package.json'), '{"type":"module"}');
  const todo = new Set(files);
  for (const file of todo) {
    const { outputText } = ts.transpileModule(readFileSync(join('src', file), 'utf8'), {
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2023,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
      },
    });
    const place = join(target, file.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, outputText);
    for (const [, path] of outputText.matchAll(/from ["'](\.[^"']+)\.js["']/g))
      todo.add(`${join(dirname(file), path!)}.ts`);
  }
  return target;
}
