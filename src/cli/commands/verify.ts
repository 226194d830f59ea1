/** `ranger21 verify …`: commands that prove a promise. */
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from '@commander-js/extra-typings';
import { exitCode, UserError } from '../../errors.ts';
import type { VectorCase } from '../../experiment/verify/vectorFile.ts';
import type { CaseResult } from '../../experiment/verify/verifyOptimizer.ts';
import { backendOption, openEngine } from '../engine.ts';
import { verifyDeterminismCommand } from './verifyDeterminism.ts';
import { verifyExpectCommand } from './verifyExpect.ts';
import { verifyResumeCommand } from './verifyResume.ts';

const fixture = (name: string) => new URL(`../../../test/fixtures/${name}`, import.meta.url);
/** Nets whose training upstream's optimizer was run on, gradient by gradient. */
const openLoops = ['nf-r8-basic', 'r8-basic'];

export const verifyCommand = () =>
  new Command('verify')
    .description('prove a promise on this machine: the numbers, exact resume, determinism, what a config expects')
    .addCommand(verifyOptimizerCommand())
    .addCommand(verifyResumeCommand())
    .addCommand(verifyDeterminismCommand())
    .addCommand(verifyExpectCommand());

const verifyOptimizerCommand = () =>
  new Command('optimizer')
    .description('compare the optimizer with float64 vectors and with upstream’s own class, one row a case')
    .option('--vectors <file>', 'a file of test/fixtures/ranger21-vectors.py, instead of all that ships')
    .option('--tolerance <error>', 'largest absolute error of a parameter after any step', positive, 2e-6)
    .option('--json', 'print one JSON document')
    .addOption(backendOption())
    .addHelpText(
      'after',
      `
Vectors are computed from the equations; an open loop replays the gradients of a real training through upstream's
Ranger21 and through this one, and compares the weights after every step. Exit code 5 when a case misses.

Examples:
  ranger21 verify optimizer
  ranger21 verify optimizer --backend cpu --json
  ranger21 verify optimizer --vectors mine.json --tolerance 1e-5`,
    )
    .action(async ({ vectors: path, tolerance, json, backend: asked }) => {
      const { verifyCase } = await import('../../experiment/verify/verifyOptimizer.ts');
      const cases = path === undefined ? await shippedCases() : await vectorCases(path, path);
      const { backend } = await openEngine({ backend: asked });

      const results: CaseResult[] = [];
      if (!json) console.log(row('case', 'steps', 'worst error', 'result', 'where'));
      for (const vector of cases) {
        const result = await verifyCase(vector, backend, tolerance);
        results.push(result);
        const { group, case: name, steps, worst, passed, where, note } = result;
        if (!json) {
          const at = [where, note].filter(Boolean).join('; ');
          console.log(row(`${group}/${name}`, String(steps), worst.toExponential(2), passed ? 'ok' : 'MISSED', at));
        }
      }
      const missed = results.filter(({ passed }) => !passed).length;
      const worst = results.reduce((a, b) => (b.worst > a.worst ? b : a));
      if (json) {
        // JSON has no Infinity, which stands for a NaN of ours
        const printable = (_: string, value: unknown) => (value === Infinity ? 'Infinity' : value);
        const document = { backend: backend.name, tolerance, missed, cases: results };
        console.log(JSON.stringify(document, printable, 2));
      } else {
        const summary =
          missed === 0 ? `all ${results.length} cases within` : `${missed} of ${results.length} cases miss`;
        const at = `${worst.group}/${worst.case}`;
        console.log(
          `${summary} ${tolerance.toExponential()} on ${backend.name}; worst ${worst.worst.toExponential(2)} in ${at}`,
        );
      }
      if (missed > 0) process.exitCode = exitCode.checkFailed;
    });

const row = (name: string, steps: string, worst: string, result: string, where: string): string =>
  [name.padEnd(58), steps.padStart(5), worst.padStart(11), result.padEnd(6), where].join('  ').trimEnd();

async function vectorCases(path: string | URL, name: string): Promise<VectorCase[]> {
  const { parseVectors } = await import('../../experiment/verify/vectorFile.ts');
  return parseVectors(read(path).toString(), name);
}

async function shippedCases(): Promise<VectorCase[]> {
  const [{ parseOpenLoop }, { parseSafetensors }] = await Promise.all([
    import('../../experiment/verify/openLoop.ts'),
    import('../../runs/safetensors.ts'),
  ]);
  const loops = openLoops.flatMap((net) => {
    const [json, tensors] = ['json', 'safetensors'].map((ending) => read(fixture(`openLoop-${net}.${ending}`)));
    const name = `the shipped open loop of ${net}`;
    return parseOpenLoop(json!.toString(), parseSafetensors(tensors!, name), name);
  });
  return [...(await vectorCases(fixture('ranger21-vectors.json'), 'the shipped vector file')), ...loops];
}

function read(path: string | URL): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const isShipped = typeof path !== 'string';
    throw new UserError(`cannot read the vector file ${String(path)}: ${(error as Error).message}`, {
      remedy: isShipped ? 'it comes with the package: install it again' : 'give an existing file to --vectors',
      cause: error,
    });
  }
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('expected a number above 0');
  return value;
}
