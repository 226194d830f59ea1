/** `ranger21 verify optimizer` and `ranger21 components`: what they print, what they refuse, how they exit. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { componentsCommand } from '../../src/cli/commands/components.ts';
import { verifyCommand } from '../../src/cli/commands/verify.ts';
import { UserError } from '../../src/errors.ts';

interface Doc {
  [key: string]: unknown;
  small_problem: {
    params: { name: string; role: string; shape: number[]; value: number[] }[];
    gradients: Record<string, number[]>[];
  };
  small_cases: Record<
    string,
    { semantics: string; config: Record<string, unknown>; steps: { params: Record<string, number[]> }[] }
  >;
}
const shipped = JSON.parse(readFileSync(new URL('../fixtures/ranger21-vectors.json', import.meta.url), 'utf8')) as {
  dense_problem: Doc['small_problem'];
  dense_cases: Doc['small_cases'];
};
const folder = mkdtempSync(join(tmpdir(), 'vectors-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A file with one problem, `small`, and three of the shipped cases; changed before it is written. */
function write(change: (doc: Doc) => void = () => undefined): string {
  const { adamw, 'alone/pnm': pnm, 'paper/all_on/demo': paper } = structuredClone(shipped.dense_cases);
  const doc: Doc = {
    small_problem: structuredClone(shipped.dense_problem),
    small_cases: { adamw: adamw!, pnm: pnm!, paper: paper! },
  };
  change(doc);
  const path = join(folder, 'vectors.json');
  writeFileSync(path, JSON.stringify(doc));
  return path;
}
const printed: string[] = [];
beforeEach(() => {
  printed.length = 0;
  vi.spyOn(console, 'log').mockImplementation((line: string) => printed.push(line));
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});
const verify = (...args: string[]) =>
  verifyCommand().parseAsync(['optimizer', '--backend', 'cpu', ...args], { from: 'user' });

test('prints a row a case and a summary', async () => {
  await verify('--vectors', write());
  expect(printed).toHaveLength(5);
  expect(printed[1]).toMatch(/^small\/adamw +12 +\d\.\d\de-\d +ok/);
  expect(printed[4]).toMatch(/^all 3 cases within 2e-6 on cpu; worst \d\.\d\de-\d in small\//);
  expect(process.exitCode).toBeUndefined();
});

test('a case that misses says where, and the exit code is 5', async () => {
  const path = write((doc) => (doc.small_cases['pnm']!.steps[6]!.params['kernel']![3]! += 1e-3));
  await verify('--vectors', path, '--json');
  const { missed, cases } = JSON.parse(printed.join('')) as {
    missed: number;
    cases: { case: string; where: string; passed: boolean }[];
  };
  expect(missed).toBe(1);
  expect(cases.find(({ passed }) => !passed)).toMatchObject({ case: 'pnm', where: 'kernel[3] t=7' });
  expect(process.exitCode).toBe(5);
});

test('options that the file sets for all cases count', async () => {
  const path = write((doc) => (doc['reference_defaults'] = { beta1: 0.5 }));
  await verify('--vectors', path, '--json');
  const { cases } = JSON.parse(printed.join('')) as { cases: { passed: boolean }[] };
  expect(cases.map(({ passed }) => passed)).toEqual([false, false, true]); // not the paper's
});

test.each<[string, (doc: Doc) => void]>([
  ['no key ends in _cases', (doc) => delete (doc as Partial<Doc>).small_cases],
  ['no case in any of its _cases', (doc) => (doc.small_cases = {})],
  ['small_cases.pnm.config.decay: Invalid option', (doc) => (doc.small_cases['pnm']!.config['decay'] = 'stabel')],
  [
    'small_cases.pnm.config.noise_norm_from: Invalid option',
    (doc) => (doc.small_cases['pnm']!.config['noise_norm_from'] = 'beta0'),
  ],
  ['small_problem: Invalid input', (doc) => delete (doc as Partial<Doc>).small_problem],
  ['small_cases.pnm.config: Unrecognized key: "clip"', (doc) => (doc.small_cases['pnm']!.config['clip'] = 1)],
  [
    'small_cases.pnm.config.lr: Invalid input: expected number',
    (doc) => (doc.small_cases['pnm']!.config['lr'] = 'fast'),
  ],
  [
    'small_cases.adamw.steps[2].params.bias: 3 numbers expected, found none',
    (doc) => delete doc.small_cases['adamw']!.steps[2]!.params['bias'],
  ],
  [
    'small_problem.params[0].value: 5 numbers for kernel of shape [2, 3], not 6',
    (doc) => doc.small_problem.params[0]!.value.pop(),
  ],
  [
    'small_problem.gradients[11].kernel: 6 numbers expected, found 5',
    (doc) => doc.small_problem.gradients[11]!['kernel']!.pop(),
  ],
  ['small_cases.adamw.steps: 12 steps, but gradients of 11', (doc) => doc.small_problem.gradients.pop()],
])('refuses a file: %s', async (message, change) => {
  await expect(verify('--vectors', write(change))).rejects.toThrow(message);
  await expect(verify('--vectors', write(change))).rejects.toBeInstanceOf(UserError);
});

test('a file that is missing or no JSON is a UserError', async () => {
  await expect(verify('--vectors', join(folder, 'none.json'))).rejects.toThrow('cannot read the vector file');
  writeFileSync(join(folder, 'text.json'), '{ "a": NaN }');
  await expect(verify('--vectors', join(folder, 'text.json'))).rejects.toThrow('is not a file of optimizer vectors');
});

test('components --json has every default under each semantics', async () => {
  await componentsCommand().parseAsync(['--json'], { from: 'user' });
  const rows = JSON.parse(printed.join('')) as { id: string; slot: string; defaults: Record<string, unknown> }[];
  expect(rows.map(({ id, slot }) => `${id}:${slot}`)).toEqual([
    'agc:gradient', 'gc:gradient', 'gradnorm:gradient', 'pnm:momentum', 'softplus:denominator',
    'swd:decay', 'normloss:pull', 'warmup:schedule', 'warmdown:schedule', 'lookahead:lookahead',
  ]); // prettier-ignore
  expect(rows[4]!.defaults).toEqual({
    reference: { beta: 50 },
    paper: false,
    'reference-legacy': { beta: 50 },
    'as-run-2021-05': false,
  });
});
