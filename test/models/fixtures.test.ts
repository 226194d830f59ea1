/** Forward pass, gradients and running statistics of small networks against PyTorch in float64. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Model } from '../../src/models/model.ts';
import { nfResnet } from '../../src/models/nfResnet.ts';
import { resnet } from '../../src/models/resnet.ts';
import type { HostTensors } from '../../src/tensor/compile.ts';
import { usable } from '../backends.ts';
import { evaluated, trained } from './onBackend.ts';

type Values = Record<string, { shape: number[]; data: number[] }>;
interface Case {
  readonly name: string;
  readonly block: 'basic' | 'bottleneck';
  readonly depths: number[];
  readonly widths: number[];
  readonly shape: [number, number, number, number];
  readonly classes: number;
  readonly smoothing: number;
  readonly options: { preset?: string; stem: string; padding: string };
  readonly given: { images: number[]; labels: number[]; params: Values; stats: Values };
  readonly expected: { logits: number[]; loss: number; grads: Values; stats: Values; evalLogits: number[] };
}

const { source, cases } = JSON.parse(readFileSync('test/fixtures/models.json', 'utf8')) as {
  source: string;
  cases: Case[];
};

const host = (values: Values): HostTensors =>
  Object.fromEntries(
    Object.entries(values).map(([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data) }]),
  );

function build({ block, depths, widths, shape, classes, options }: Case): Model {
  const input = { height: shape[1], width: shape[2], channels: shape[3], classes };
  const architecture = { block, depths, widths, native: input };
  const family = options.preset ? nfResnet('', architecture) : resnet('', architecture);
  return family.build(family.options.parse(options) as never, input); // the options belong to the family they came from
}

/** max |actual − expected| / max |expected| */
function worstError(actual: ArrayLike<number>, expected: readonly number[]): number {
  expect(actual.length).toBe(expected.length);
  const size = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(actual[i]! - value))) / size;
}

// float32 through at most 20 layers, against float64; the worst seen is 4e-6
const tolerance = 2e-5;

describe.each(usable)(`networks on $name match ${source}`, (backend) => {
  test.each(cases)('$name', async (c) => {
    const model = build(c);
    const shapes = (specs: Record<string, { shape: readonly number[] }>) =>
      Object.fromEntries(Object.entries(specs).map(([name, { shape }]) => [name, shape]));
    expect(shapes(model.params)).toEqual(shapes(c.given.params));
    expect(shapes(model.stats)).toEqual(shapes(c.given.stats));

    const images = { shape: c.shape, data: Float32Array.from(c.given.images) };
    const labels = { shape: [c.shape[0]], data: Int32Array.from(c.given.labels) };
    const start = { params: host(c.given.params), stats: host(c.given.stats) };
    const found = await trained(model, start, { images, labels }, c.smoothing, backend);

    expect(worstError(found.logits.data, c.expected.logits), 'logits').toBeLessThan(tolerance);
    expect(worstError(found.loss.data, [c.expected.loss]), 'loss').toBeLessThan(tolerance);
    for (const [name, { data }] of Object.entries(c.expected.grads)) {
      expect(worstError(found.grads[name]!.data, data), `gradient of ${name}`).toBeLessThan(tolerance);
    }
    for (const [name, { data }] of Object.entries(c.expected.stats)) {
      expect(worstError(found.stats[name]!.data, data), name).toBeLessThan(tolerance);
    }
    const { logits } = await evaluated(model, { params: start.params, stats: found.stats }, images, backend);
    expect(worstError(logits.data, c.expected.evalLogits), 'evaluation').toBeLessThan(tolerance);
  });
});
