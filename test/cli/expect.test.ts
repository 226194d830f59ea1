/** Real runs of the built program, told against what their config expects, and beside each other. `npm test` builds it first. */
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { ranger21, temporary } from './ranger21.ts';

const runs = temporary();
const config = join(temporary(), 'short.yaml');
const engine = ['--backend', 'onnx', '--threads', '1', '--runs', runs];
const withBounds = (bounds: string) =>
  writeFileSync(
    config,
    `extends: ${resolve('configs/digits-resnet.yaml')}
dataset: { train: 160, test: 80 }
train: { epochs: 2, batch: 32 }
stop: { stuckWithin: 0 }
study: { name: pair, seeds: 1 }
expect: { testTop1: { ${bounds} }, source: the test itself }
`,
  );
const folders = () =>
  readdirSync(runs)
    .filter((name) => name.startsWith('short-'))
    .sort();

describe('what a config expects', () => {
  beforeAll(() => withBounds('atLeast: 0'));

  test('is told when a run ends', () => {
    const { code, stderr } = ranger21(['run', config, ...engine]);
    expect(stderr).toMatch(/short expects testTop1 ≥ 0: met, 0\.\d{4} \(seed 0\)\n/);
    expect(code).toBe(0);
  });

  test('and decides on the exit code only where that is asked for', () => {
    withBounds('atLeast: 1, atMost: 1');
    const told = ranger21(['run', config, ...engine]);
    expect(told.stderr).toMatch(/finished before[^]*≥ 1 and ≤ 1: NOT MET, 0\.\d{4} \(seed 0\)\n.*the test itself\n/);
    expect(told.code).toBe(0);
    expect(ranger21(['run', config, ...engine, '--expect']).code).toBe(5);
  });

  test('is not held against what --set made another experiment of', () => {
    const { code, stderr } = ranger21(['run', config, ...engine, '--expect', '--set', 'optimizer.lr=1e-5']);
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('expects')]);
    // another seed is the same experiment
    expect(ranger21(['run', config, ...engine, '--expect', '--seed', '1']).code).toBe(5);
  });

  test('verify expect takes finished runs, trains what is missing, and exits with 5 where it is not met', () => {
    const { code, stdout } = ranger21(['verify', 'expect', config, ...engine, '--seeds', '3', '--json']);
    expect(code).toBe(5);
    const { met, expectations } = JSON.parse(stdout) as {
      met: boolean;
      expectations: { observed: { value: number }[] }[];
    };
    expect([met, expectations]).toMatchObject([false, [{ metric: 'testTop1', n: 3, atLeast: 1, met: false }]]);
    const results = folders().map(
      (name) => JSON.parse(readFileSync(join(runs, name, 'result.json'), 'utf8')) as Result,
    );
    const own = results.filter(({ last }) => expectations[0]!.observed.some(({ value }) => value === last.top1));
    expect(own.length).toBeGreaterThanOrEqual(3);

    withBounds('atLeast: 0');
    const told = ranger21(['verify', 'expect', config, ...engine, '--seeds', '3']);
    expect(told).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^testTop1 ≥ 0: met by all 3 runs, .*\nsource: the test itself\n$/) as string,
    });
    expect(ranger21(['verify', 'expect', 'configs/synthetic-smoke.yaml', ...engine])).toMatchObject({
      code: 2,
      stdout: '',
    });
  });

  test('holds in a study for the arm that is the config, and for no other', () => {
    const { code, stderr } = ranger21(['ablate', config, '--disable', 'pnm', ...engine, '--expect']);
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/\nranger21 expects testTop1 ≥ 0: met, 0\.\d{4} \(seed 0\)\n$/),
    ]);
    expect(stderr.match(/ expects /g)).toHaveLength(1);
    const plan = readFileSync(join(runs, 'pair', 'plan.json'), 'utf8');
    expect(plan.match(/"expect":/g)).toHaveLength(1);
  });
});

interface Result {
  readonly last: { readonly top1: number };
}

describe('beside each other', () => {
  test('a run and its copy are equal; two seeds are not', () => {
    const [first, second] = folders();
    const copy = join(temporary(), first!);
    cpSync(join(runs, first!), copy, { recursive: true });
    const equal = ranger21(['diff', first!, copy, '--runs', runs]);
    expect([equal.code, equal.stdout]).toEqual([
      0,
      expect.stringMatching(/metrics\.jsonl: equal in every number of 10 steps\n[^]*\nequal\n$/),
    ]);

    const lines = readFileSync(join(copy, 'metrics.jsonl'), 'utf8').split('\n');
    const row = JSON.parse(lines[7]!) as { step: number; loss: number };
    lines[7] = JSON.stringify({ ...row, loss: row.loss + 0.25 });
    writeFileSync(join(copy, 'metrics.jsonl'), lines.join('\n'));
    const refused = ranger21(['diff', first!, copy, '--runs', runs]);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/metrics\.jsonl was altered/)]);

    // as if it had been another run from the start
    const {
      files: _,
      sum: __,
      ...result
    } = JSON.parse(readFileSync(join(copy, 'result.json'), 'utf8')) as {
      files: object;
      sum: string;
    };
    writeFileSync(join(copy, 'result.json'), JSON.stringify(result));
    const altered = ranger21(['diff', first!, copy, '--runs', runs, '--json']);
    expect(altered.code).toBe(5);
    const { metrics } = JSON.parse(altered.stdout) as {
      metrics: { first: { step: number; keys: { difference: number }[] } };
    };
    expect(metrics.first).toMatchObject({ step: 7, keys: [{ key: 'loss' }] });
    expect(metrics.first.keys[0]!.difference).toBeCloseTo(0.25, 12);
    expect(ranger21(['diff', first!, second!, '--runs', runs]).code).toBe(5);
  });

  test('compare pairs the arms of a study, and refuses what is no pair', () => {
    const { code, stdout } = ranger21(['compare', 'pair', 'arm=ranger21,-pnm', '--runs', runs, '--json']);
    expect(code).toBe(0);
    const { differing, configurations } = JSON.parse(stdout) as { differing: object[]; configurations: object[] };
    expect(differing).toMatchObject([{ key: 'optimizer.components.pnm', values: [{}, false] }]);
    expect(configurations).toMatchObject([
      { name: 'ranger21', seeds: [0], comparison: null },
      { name: '-pnm', comparison: { seeds: [0], interval: null, refused: null, verdict: { word: 'inconclusive' } } },
    ]);
    expect(ranger21(['compare', 'pair', 'arm=ranger21,adamw', '--runs', runs]).stdout).toContain(
      'inconclusive (1 seed: descriptive only)',
    );
    expect(ranger21(['compare', 'no-such-run', '--runs', runs])).toMatchObject({ code: 2, stdout: '' });
  });

  test('ls finds them by what their configs say', () => {
    const { stdout } = ranger21(['ls', 'optimizer.lr<1e-3', '--columns', 'seed,optimizer.lr', '--runs', runs]);
    expect(stdout).toBe('seed  optimizer.lr\n   0       0.00001\n');
  });
});
