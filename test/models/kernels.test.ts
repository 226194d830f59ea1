/** Properties of standardised kernels that hold whatever the weights. */
import { describe, expect, test } from 'vitest';
import { presets, presetNames, reluGain } from '../../src/models/nfResnet.ts';
import { stream } from '../../src/random.ts';
import { backend } from '../../src/tensor/backends/cpu/backend.ts';
import { mul, standardizeKernel, sum, tensor, valueAndGrad } from '../../src/tensor/ops.ts';

const shape = [3, 3, 7, 5] as const;
const fanIn = 63;
const units = 5;
const draws = stream(3, 'init');
const initial = Float32Array.from({ length: fanIn * units }, () => draws.normal() / Math.sqrt(fanIn));
const slopes = Float32Array.from({ length: fanIn * units }, () => draws.normal());

/** The standardised kernel, and the gradient of its sum weighted by `slopes`. */
async function standardized(kernel: Float32Array, preset: (typeof presetNames)[number], gain = 1) {
  const session = await backend.open({ kernel: { shape, data: kernel } }, {});
  const program = await session.compile(
    'standardize',
    (state) => {
      const { grads, aux } = valueAndGrad(({ kernel }) => {
        const gains = tensor(new Float32Array(units).fill(gain), [units]);
        const y = standardizeKernel(kernel!, gains, presets[preset].standardization);
        return { loss: sum(mul(y, tensor(slopes, shape))), aux: { y } };
      }, state);
      return { outputs: { y: aux['y']!, grad: grads['kernel']! } };
    },
    {},
  );
  const { y, grad } = await program({});
  await session.close();
  return { y: y!.data, grad: grad!.data };
}

/** Σ f over one output unit. */
const overUnit = (unit: number, f: (i: number) => number) => {
  let total = 0;
  for (let i = unit; i < fanIn * units; i += units) total += f(i);
  return total;
};

describe.each(presetNames)('%s', (preset) => {
  test('each unit has mean 0 and energy 1', async () => {
    const { y } = await standardized(initial, preset);
    for (let unit = 0; unit < units; unit++) {
      const mean = overUnit(unit, (i) => initial[i]!) / fanIn;
      const variance = overUnit(unit, (i) => (initial[i]! - mean) ** 2) / fanIn;
      const share = {
        deepmind: 1,
        timm045: (Math.sqrt(variance) / (Math.sqrt(variance) + 1e-5)) ** 2,
        timmLatest: variance / (variance + 1e-5),
      };
      expect(Math.abs(overUnit(unit, (i) => y[i]!) / fanIn)).toBeLessThan(1e-6);
      expect(Math.abs(overUnit(unit, (i) => y[i]! ** 2) - share[preset])).toBeLessThan(1e-5);
    }
  });

  test('γ² = 2.9377 of energy where γ is folded in', async () => {
    const { y } = await standardized(initial, 'deepmind', reluGain);
    expect(overUnit(0, (i) => y[i]! ** 2)).toBeCloseTo(2.9377, 4);
  });

  test('the gradient sums to 0 in every unit, so centralising it changes nothing', async () => {
    const { grad } = await standardized(initial, preset);
    for (let unit = 0; unit < units; unit++) {
      const norm = Math.sqrt(overUnit(unit, (i) => grad[i]! ** 2));
      expect(norm).toBeGreaterThan(1);
      expect(Math.abs(overUnit(unit, (i) => grad[i]!))).toBeLessThan(1e-5 * norm);
    }
  });
});

test('max floor: the gradient is orthogonal to the kernel', async () => {
  const { grad } = await standardized(initial, 'deepmind');
  for (let unit = 0; unit < units; unit++) {
    const norm = Math.sqrt(overUnit(unit, (i) => grad[i]! ** 2));
    expect(Math.abs(overUnit(unit, (i) => grad[i]! * initial[i]!))).toBeLessThan(1e-5 * norm);
  }
});

test('max floor: a·W + c for each unit standardises to the same kernel', async () => {
  const scale = [0.5, 1, 2, 30, 0.1];
  const offset = [1, -0.5, 0, 2, 0.01];
  const { y } = await standardized(initial, 'deepmind');
  const moved = await standardized(
    initial.map((w, i) => scale[i % units]! * w + offset[i % units]!),
    'deepmind',
  );
  expect(Math.max(...y.map((value, i) => Math.abs(value - moved.y[i]!)))).toBeLessThan(1e-5);
});
