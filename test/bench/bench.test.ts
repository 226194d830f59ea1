/** `ranger21 bench`: the figures it makes of timings, and the command with a backend and with PyTorch. */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { otherPytorchOptimizer } from '../../src/experiment/timing/bench.ts';
import { benchText, figuresOf, ratiosOf, spreadOf, type Timed } from '../../src/experiment/timing/benchTable.ts';
import { ranger21 } from '../cli/ranger21.ts';

const timed = (name: string, ...blocks: [number, number][]): Timed => ({
  name,
  detail: '',
  device: 'cpu',
  batch: 8,
  compileSeconds: 1,
  firstStepSeconds: 0.5,
  peakRssBytes: 2 ** 20,
  blocks: blocks.map(([step, optimizer]) => ({ step, optimizer })),
});
const ours = timed('tensorflow', [10, 4], [30, 5], [20, 2]);
const theirs = [timed('torch plain', [40, 3], [40, 3], [40, 3]), timed('torch fused', [20, 8], [30, 5], [40, 4])];

describe('figures', () => {
  test('are medians and ranges over the blocks', () => {
    expect(spreadOf([3, 1, 2, 10])).toEqual({ median: 2.5, min: 1, max: 10 });
    expect(figuresOf(ours)).toMatchObject({
      step: { median: 20, min: 10, max: 30 },
      forwardBackward: { median: 18, min: 6, max: 25 },
      imagesPerSecond: 400, // 8 images in 20 ms
    });
  });

  test('ratios pair the blocks of one round, against the fastest in each part', () => {
    // steps 20/10, 30/30, 40/20 against the fused form; optimizers 3/4, 3/5, 3/2 against the plain one
    expect(ratiosOf([ours], theirs)).toEqual([
      {
        ours: 'tensorflow',
        theirs: 'torch fused; optimizer torch plain',
        images: { median: 2, min: 1, max: 2 },
        optimizer: { median: 0.75, min: 0.6, max: 1.5 },
      },
    ]);
    expect(benchText('title', [figuresOf(ours)], ratiosOf([ours], theirs))).toContain('| 2.00 (1.00–2.00) |');
  });
});

test('the memory of a GPU has a column where it is known', () => {
  const onGpu = { ...ours, device: 'gpu:0', deviceBytes: 3 * 2 ** 30 };
  const [header, , ...rows] = benchText('title', [onGpu, theirs[0]!].map(figuresOf), [])
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').map((cell) => cell.trim()));
  const column = header!.indexOf('GPU MiB');
  expect(rows.map((row) => row[column])).toEqual(['3072', '–']);
});

test('another version of pytorch-optimizer than the one checked is told', () => {
  expect(otherPytorchOptimizer('torch 2.13.0, pytorch-optimizer 4.1.0')).toBeUndefined();
  expect(otherPytorchOptimizer('torch 2.13.0')).toBeUndefined(); // AdamW is PyTorch's own
  expect(otherPytorchOptimizer('torch 2.13.0, pytorch-optimizer 4.2.0')).toMatch(
    /pytorch-optimizer 4\.2\.0: .*4\.1\.0 only/,
  );
});

const small = ['--case', 'r8-basic@8x4', '--blocks', '1', '--steps', '2'];

describe('the command', () => {
  test.each(['0', '1.5', '-2', '1e9', '1000000000', 'all'])(
    '%s threads are refused before anything starts',
    (threads) => {
      const { code, stderr } = ranger21(['bench', ...small, `--threads=${threads}`]);
      expect(code).toBe(2);
      expect(stderr).toContain('--threads');
      expect(stderr).toContain('expected a whole number from 1 to 1024');
    },
  );

  test('times the backends given, each optimizer, in processes of their own', () => {
    const { code, stdout, stderr } = ranger21(['bench', ...small, '--backend', 'onnx,cpu', '--json']);
    expect(code, stderr).toBe(0);
    const { results } = JSON.parse(stdout) as {
      results: { case: object; figures: { name: string; step: { median: number }; peakRssBytes: number }[] }[];
    };
    expect(results.map((result) => result.case)).toMatchObject([{ optimizer: 'adamw' }, { optimizer: 'ranger21' }]);
    for (const { figures } of results) {
      expect(figures.map(({ name }) => name)).toEqual(['onnx', 'cpu']);
      for (const { step, peakRssBytes } of figures) {
        expect(step.median).toBeGreaterThan(0);
        expect(peakRssBytes).toBeGreaterThan(50e6);
      }
    }
  });

  test('refuses what it cannot read or run', () => {
    for (const [args, said] of [
      [['bench', '--case', 'r8-basic'], /expected model@pixels×batch/],
      [['bench', '--case', 'r9-basic@8x4'], /r8-basic/],
      [['bench', ...small, '--backend', 'onnx', '--xla', 'step'], /onnx does not run: .*has no xla step/],
      [['bench', ...small, '--backend', 'cpu', '--vs-torch', '/nowhere'], /torch plain does not run: .*ENOENT/],
      [['bench', '--case', 'nf-r8-basic@8x4', '--backend', 'cpu', '--vs-torch', 'python3'], /no twin/],
    ] as const) {
      const { code, stderr } = ranger21([...args]);
      expect(code, stderr).toBeGreaterThan(1);
      expect(stderr).toMatch(said);
    }
  });

  // an interpreter with torch and pytorch-optimizer
  const python = process.env['RANGER21_TORCH'];
  if (!python) console.log('the comparison with PyTorch is skipped: RANGER21_TORCH names no interpreter that has it');
  test.skipIf(!python)(
    'builds networks of the same size in PyTorch',
    () => {
      const cases = ['r14-bottleneck-w8@8x4', 'resnet18@72x2'].flatMap((name) => ['--case', name]);
      const rest = [
        '--optimizer',
        'adamw',
        '--backend',
        'onnx',
        '--vs-torch',
        python!,
        '--blocks',
        '1',
        '--steps',
        '1',
      ];
      const { code, stdout, stderr } = ranger21(['bench', ...cases, ...rest]); // fails where the parameters differ in number
      expect(code, stderr).toBe(0);
      expect(stdout).toContain('torch fused');
    },
    300_000,
  );
});

test('the PyTorch script is valid Python, where there is an interpreter', () => {
  const parse = "import ast; ast.parse(open('bench/torch_step.py').read())";
  const { error, status, stderr } = spawnSync('python3', ['-c', parse], { encoding: 'utf8' });
  if (error) console.log(`not checked: ${error.message}`);
  else expect(status, stderr).toBe(0);
});
