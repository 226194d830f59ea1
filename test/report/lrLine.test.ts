import { describe, expect, test } from 'vitest';
import { csvFile, svgFile } from '../../src/report/figures/figure.ts';
import { lrFigure } from '../../src/report/figures/lrLine.ts';
import type { Ledger, TrialRecord } from '../../src/runs/tuning.ts';

const trial = (arm: string, by: 'search' | 'line', lr: number, score: number | null, isBest = false): TrialRecord => ({
  arm,
  trial: `${arm}.${lr}`,
  by,
  values: { 'optimizer.lr': lr },
  places: {},
  status: score === 0.1 ? 'failed' : score === null ? 'unfinished' : 'scored',
  score,
  loss: null,
  isBest,
  runs: [],
});
const record = (arm: string) => ({ arm }) as Ledger['arms'][number];
const ledger: Ledger = {
  schema: 1,
  study: 's',
  tier: 'T1',
  search: { design: 'halton', budget: 3, seeds: [1, 2], holdOut: 0.2, space: { 'optimizer.lr': '' }, line: [] },
  data: { fingerprint: '', train: 80, heldOut: 20 },
  arms: [record('ranger21'), record('-<pnm>'), record('not begun')],
  trials: [
    trial('ranger21', 'search', 0.1, 0.1),
    trial('ranger21', 'search', 0.001, 0.9),
    trial('ranger21', 'search', 0.01, 0.99, true),
    trial('-<pnm>', 'line', 0.1, 0.95),
    trial('-<pnm>', 'line', 0.01, 0.98, true),
    trial('not begun', 'line', 0.01, null),
  ],
};
const svg = (width: number) => svgFile(lrFigure(ledger, new Map()), width);
const circles = (text: string) => [
  ...text.matchAll(/<circle class="(\w+)" cx="([\d.]+)" cy="([\d.]+)"[^>]*><title>([^<]*)</g),
];

describe('the figure of learning rates', () => {
  test('has a panel an arm that began, a circle a trial that trained, and a cross for one that did not', () => {
    const text = svg(760);
    expect(text.match(/<text class="strong"/g)).toHaveLength(2);
    expect(text).toContain('-&lt;pnm&gt;');
    expect(circles(text).map(([, name, , , tip]) => `${name} ${tip}`)).toEqual([
      'hollow lr 0.001: 90.00 %',
      'mark lr 0.01: 99.00 %',
      'mark lr 0.01: 98.00 %',
      'hollow lr 0.1: 95.00 %',
    ]);
    expect(text.match(/l8 8m0 -8l-8 8/g)).toHaveLength(1);
    expect(text.match(/stroke-width="1.5"/g)).toHaveLength(1); // only a line of the learning rate is joined
  });

  test('places decades equally far apart, and higher scores higher', () => {
    const [low, best, , high] = circles(svg(200)).map(([, , x, y]) => ({ x: Number(x), y: Number(y) }));
    const cross = Number(/M([\d.]+) [\d.]+l8 8/.exec(svg(200))![1]) + 4;
    expect(best!.x - low!.x).toBeCloseTo(cross - best!.x, 0);
    expect(high!.x).toBeCloseTo(cross, 0);
    expect(best!.y).toBeLessThan(low!.y);
  });

  test('stacks its panels on a phone', () => {
    const height = (text: string) => Number(/height="(\d+)"/.exec(text)![1]);
    expect(height(svg(390))).toBe(2 * height(svg(760)));
  });

  test('comes with its numbers', () => {
    expect(csvFile(lrFigure(ledger, new Map())).split('\r\n').slice(0, 3)).toEqual([
      'arm,trial,lr,top1,status,best',
      'ranger21,ranger21.0.001,0.001,0.9,scored,0',
      'ranger21,ranger21.0.01,0.01,0.99,scored,1',
    ]);
  });
});
