/**
 * The optimizer against upstream's own class, step by step over the gradients of a real training; see
 * fixtures/openLoop.py. What users write (`semantics: reference`, `components: { agc: false }`) is what is replayed.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { pytorchOptimizer } from '../../src/experiment/timing/bench.ts';
import { parseOpenLoop } from '../../src/experiment/verify/openLoop.ts';
import { verifyCase } from '../../src/experiment/verify/verifyOptimizer.ts';
import { parseSafetensors } from '../../src/runs/safetensors.ts';
import { usable } from '../backends.ts';

const tolerance = 2e-6; // absolute, and at least twice upstream's own distance between float32 and float64

const nets = ['nf-r8-basic', 'r8-basic'].map((net) => {
  const read = (ending: string) => readFileSync(new URL(`../fixtures/openLoop-${net}.${ending}`, import.meta.url));
  return { net, json: read('json').toString(), tensors: parseSafetensors(read('safetensors'), net) };
});
const cases = nets.flatMap(({ net, json, tensors }) => parseOpenLoop(json, tensors, net));

test.each(nets)('upstream on $net is within 1e-6 of itself in float64', ({ json }) => {
  const { variants } = JSON.parse(json) as { variants: Record<string, { float32Error: number }> };
  expect(Object.keys(variants)).toHaveLength(15);
  for (const { float32Error } of Object.values(variants)) expect(2 * float32Error).toBeLessThanOrEqual(tolerance);
});

describe.each(usable)('on $name', (backend) => {
  test.each(cases)('$group: $name equals upstream after each of 30 steps', async (vector) => {
    const { worst, where, steps, note } = await verifyCase(vector, backend, tolerance);
    expect(steps).toBe(30);
    expect(note).toBeUndefined(); // the learning rate of every step, to 1e-12
    expect(worst, where).toBeLessThanOrEqual(tolerance);
  });
});

test('what `bench` times beside PyTorch is pytorch-optimizer’s algorithm', () => {
  for (const { json } of nets) {
    const { variants } = JSON.parse(json) as { variants: Record<string, { optimizer: object }> };
    expect(variants['pytorch-optimizer']!.optimizer).toMatchObject(pytorchOptimizer);
  }
});

test('a file whose tensors do not fit its description is refused', () => {
  const { json, tensors } = nets[0]!;
  const short = { ...tensors, gradients: { shape: [2], data: new Float32Array(2) } };
  expect(() => parseOpenLoop(json, short, 'x')).toThrow(/gradients does not hold 30 × 1013 numbers/);
  expect(() => parseOpenLoop('{}', tensors, 'x')).toThrow(/x is not an open loop/);
});
