/** Statistics of every block at the start, white input, against another implementation’s over 20 seeds. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { initModel } from '../../src/models/init.ts';
import { models, type ModelName } from '../../src/models/registry.ts';
import { stream } from '../../src/random.ts';
import { sizeOf, type HostTensor, type HostTensors } from '../../src/tensor/compile.ts';
import { usable } from '../backends.ts';
import { forward } from './onBackend.ts';

interface Case {
  readonly name: ModelName;
  readonly options: Record<string, unknown>;
  /** What the skip gains are set to. */
  readonly skip: number;
  /** Images [N, H, W, C]. */
  readonly shape: number[];
  /** name → [mean over seeds, standard deviation between seeds] */
  readonly blocks: Record<string, [number, number]>;
}
const { source, cases } = JSON.parse(readFileSync('test/fixtures/signalPropagation.json', 'utf8')) as {
  source: string;
  cases: Case[];
};

/** Mean over channels of the variance over images and positions. */
function variance({ data, shape }: HostTensor): number {
  const channels = shape.at(-1)!;
  const n = data.length / channels;
  const [sums, squares] = [new Float64Array(channels), new Float64Array(channels)];
  data.forEach((x, i) => {
    sums[i % channels]! += x / n;
    squares[i % channels]! += (x * x) / n;
  });
  return squares.reduce((total, square, c) => total + (square - sums[c]! ** 2) / channels, 0);
}
const meanSquare = ({ data }: HostTensor) => Array.from(data).reduce((total, x) => total + x * x, 0) / data.length;

const small = cases.filter(({ shape }) => shape[1] === 32); // the others: fullSize.test.ts

describe.each(usable)(`signal propagation on $name matches ${source}`, (backend) => {
  test.each(small)('$name $options, skip gain $skip', async ({ name, options, skip, shape, blocks }) => {
    const family = models[name];
    const model = family.build(family.options.parse(options), family.native);
    const { params, stats } = initModel(model, 7);
    const set: HostTensors = Object.fromEntries(
      Object.entries(params).map(([key, x]) => [
        key,
        key.endsWith('/skipGain') ? { ...x, data: Float32Array.of(skip) } : x,
      ]),
    );
    const draws = stream(7, 'init', 1);
    const images = { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => draws.normal()) };
    const { maps } = await forward(model, { params: set, stats }, images, true, backend);
    const statistic = name.startsWith('nf-') ? variance : meanSquare;
    for (const [block, [mean, sd]] of Object.entries(blocks)) {
      // one seed here: within four standard deviations, at most 39 % (the narrow last stage), mostly below 15 %
      expect(Math.abs(statistic(maps[block]!) - mean) / sd, block).toBeLessThan(4);
    }
  });
});
