import { expect, test } from 'vitest';
import { evaluateInputs, evaluateStep } from '../../src/experiment/step.ts';
import type { Model } from '../../src/models/model.ts';
import { reshape } from '../../src/tensor/ops.ts';
import { backend } from '../../src/tensor/backends/cpu/backend.ts';

/** A model whose logits are its input. */
const identity: Model = {
  params: {},
  stats: {},
  macs: 0,
  apply: (_params, stats, images) => ({ logits: reshape(images, [images.shape[0], -1]), stats, maps: {} }),
};

/** Sums that the evaluation program gives for rows of logits. */
async function scores(rows: readonly (readonly number[])[], labels: readonly number[], weights: readonly number[]) {
  const [n, k] = [rows.length, rows[0]!.length];
  const session = await backend.open({}, {});
  const run = await session.compile('evaluation', evaluateStep(identity), evaluateInputs(n, [1, k, 1]));
  const outputs = await run({
    images: { shape: [n, 1, k, 1], data: Float32Array.from(rows.flat()) },
    labels: { shape: [n], data: Int32Array.from(labels) },
    weights: { shape: [n], data: Float32Array.from(weights) },
  });
  await session.close();
  return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data[0]!]));
}

test('top-1 and top-5 count the rank of the true class', async () => {
  const row = [7, 6, 5, 4, 3, 2, 1];
  const { top1, top5 } = await scores([row, row, row, row], [0, 1, 4, 5], [1, 1, 1, 1]);
  expect([top1, top5]).toEqual([1, 3]);
});

test('ties go to the lower class', async () => {
  const { top1, top5 } = await scores([Array<number>(7).fill(1), Array<number>(7).fill(1)], [0, 5], [1, 1]);
  expect([top1, top5]).toEqual([1, 1]); // class 0 ranks first, class 5 sixth
});

test('a row with NaN or infinity is never a hit', async () => {
  const rows = [
    [NaN, 0, 0],
    [1, NaN, 0],
    [Infinity, 0, 0],
  ];
  const { top1, top5 } = await scores(rows, [0, 0, 1], [1, 1, 1]);
  expect([top1, top5]).toEqual([0, 0]);
});

test('padding carries no weight, and the loss is ln Σeᶻ − z_y', async () => {
  const { loss, top1 } = await scores([[1, 2, 3], [9, 0, 0]], [2, 1], [1, 0]); // prettier-ignore
  expect(top1).toBe(1);
  expect(loss).toBeCloseTo(Math.log(Math.E + Math.E ** 2 + Math.E ** 3) - 3, 6);
});
