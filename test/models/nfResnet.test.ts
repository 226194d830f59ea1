/** What a network without normalisation must do: the same in training and evaluation, for each image by itself. */
import { describe, expect, test } from 'vitest';
import { tensorsHash } from '../../src/experiment/tensorsHash.ts';
import { initModel, sharedStart } from '../../src/models/init.ts';
import type { Model, Training } from '../../src/models/model.ts';
import { nfResnet, predictedStds, presetNames, reluGain } from '../../src/models/nfResnet.ts';
import { stream } from '../../src/random.ts';
import { joined, sizeOf, type HostTensor, type HostTensors } from '../../src/tensor/compile.ts';
import { evaluated, forward, trained } from './onBackend.ts';

function noise(shape: readonly number[], seed: number): HostTensor {
  const draws = stream(seed, 'init', 1);
  return { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => draws.normal()) };
}

const input = { height: 9, width: 6, channels: 2, classes: 3 };
const tiny = { block: 'bottleneck', depths: [2, 1], widths: [3, 4], native: input } as const;
const build = (options: Record<string, unknown> = {}, training?: Training): Model => {
  const family = nfResnet('', tiny);
  return family.build(family.options.parse(options), input, training);
};
const images = noise([4, 9, 6, 2], 1);
const labels = { shape: [4], data: Int32Array.of(0, 1, 2, 0) };

const worst = (actual: ArrayLike<number>, expected: ArrayLike<number>) =>
  Math.max(...Array.from(expected, (value, i) => Math.abs(actual[i]! - value)));

/** All gains and skip gains at 1, so that every branch is on. */
const switchedOn = (params: HostTensors): HostTensors =>
  Object.fromEntries(
    Object.entries(params).map(([name, { shape, data }]) => [
      name,
      { shape, data: /ain$/.test(name) ? data.map(() => 1) : data },
    ]),
  );

test('γ makes the variance of γ·relu(N(0, 1)) one to 0.13 %', () => {
  // Var relu(N(0, 1)) = (1 − 1/π)/2
  expect(reluGain ** 2 * ((1 - 1 / Math.PI) / 2)).toBeCloseTo(1.00129, 5);
});

test('the predicted scale 1/s through 3-4-6-3 blocks', () => {
  // √ of 1 + k·0.04, the first block of a stage seeing the last stage's total
  const blocks = [3, 4, 6, 3].flatMap((depth) =>
    Array.from({ length: depth }, (_, i) => ({ isFirstOfStage: i === 0 })),
  );
  const expected = [
    [1, 0.980581, 0.96225],
    [0.944911, 0.980581, 0.96225, 0.944911],
    [0.928477, 0.980581, 0.96225, 0.944911, 0.928477, 0.912871],
    [0.898027, 0.980581, 0.96225],
  ].flat();
  predictedStds(blocks).forEach((std, i) => expect(1 / std).toBeCloseTo(expected[i]!, 6));
});

describe.each(presetNames)('%s', (preset) => {
  const model = build({ preset });
  const params = switchedOn(initModel(model, 0).params);

  test('training and evaluation are the same', async () => {
    const training = await forward(model, { params, stats: {} }, images, true);
    const evaluation = await evaluated(model, { params, stats: {} }, images);
    expect(training.logits).toEqual(evaluation.logits);
    expect(training.stats).toEqual({});
  });

  test('an image’s output does not depend on the rest of the batch', async () => {
    const alone = { shape: [1, 9, 6, 2], data: images.data.slice(0, 108) };
    const [batch, single] = [
      await forward(model, { params, stats: {} }, images, true),
      await forward(model, { params, stats: {} }, alone, true),
    ];
    expect(worst(batch.logits.data.slice(0, 3), single.logits.data)).toBeLessThan(1e-5);
  });

  test('frozen gains compute the same and are no parameters', async () => {
    const frozen = build({ preset, freezeGains: true });
    const started = initModel(model, 0);
    const kept = Object.fromEntries(Object.entries(started.params).filter(([name]) => !name.endsWith('/gain')));
    expect(Object.keys(frozen.params)).toEqual(Object.keys(kept));
    const [with_, without] = [
      await evaluated(model, started, images),
      await evaluated(frozen, { params: kept, stats: {} }, images),
    ];
    expect(without.logits).toEqual(with_.logits);
  });
});

describe('timm’s gains [O, 1, 1, 1], from which centralisation leaves a gradient of exactly zero', () => {
  const gains = ({ params }: Model) => Object.keys(params).filter((name) => name.endsWith('/gain')).length;
  test.each<[Record<string, unknown>, Training, number]>([
    [{ preset: 'timm045' }, { centralised: true }, 0],
    [{ preset: 'timm045' }, { centralised: false }, 12],
    [{ preset: 'timm045' }, {}, 12],
    [{ preset: 'timm045', freezeGains: false }, { centralised: true }, 12],
    [{ preset: 'timm045', freezeGains: true }, { centralised: false }, 0],
    [{ preset: 'deepmind' }, { centralised: true }, 12],
    [{ preset: 'deepmind', freezeGains: 'auto' }, { centralised: true }, 0],
    [{ preset: 'timmLatest' }, { centralised: true }, 12],
  ])('%j, %j: %i gains are trained', (options, training, count) => {
    const model = build(options, training);
    expect(gains(model)).toBe(count);
    expect(Object.keys(model.frozen!)).toHaveLength(12 - count);
  });

  test('frozen or trained, the shared start is the same', () => {
    const [frozen, free] = [true, false].map((freezeGains) => build({ preset: 'timm045', freezeGains }));
    expect(tensorsHash(joined(sharedStart(frozen!, 3)))).toBe(tensorsHash(joined(initModel(free!, 3))));
    expect(tensorsHash(joined(sharedStart(frozen!, 3)))).not.toBe(tensorsHash(joined(sharedStart(frozen!, 4))));
    const later = build({ preset: 'timmLatest', freezeGains: true }); // its last gains start at 0
    expect(tensorsHash(joined(sharedStart(later, 3)))).not.toBe(tensorsHash(joined(sharedStart(frozen!, 3))));
  });
});

test.each(['same', 'torch'])('padding %s never wins in the stem’s pool, whose input is signed', async (padding) => {
  const model = build({ stem: 'imagenet', padding });
  const { params, stats } = initModel(model, 0);
  const below = { ...params, 'stem/bias': { shape: [3], data: Float32Array.of(-50, -60, -70) } };
  const { maps } = await evaluated(model, { params: below, stats }, images);
  expect(Math.max(...maps['pool']!.data)).toBeLessThan(-40);
});

describe('the first step', () => {
  const isZero = ({ data }: HostTensor) => data.every((g) => g === 0);
  const zerosOf = async (options: Record<string, unknown>) => {
    const model = build({ ...options, headInit: 'torch' });
    const { grads } = await trained(model, initModel(model, 0), { images, labels });
    return Object.keys(grads).filter((name) => isZero(grads[name]!));
  };
  const inBranch = (names: readonly string[]) =>
    ['stage1/block1', 'stage1/block2', 'stage2/block1'].flatMap((block) => names.map((name) => `${block}/${name}`));

  test('deepmind: nothing inside a branch moves, every skip gain does', async () => {
    const parts = ['conv1', 'conv2', 'conv3'].flatMap((conv) =>
      ['kernel', 'gain', 'bias'].map((part) => `${conv}/${part}`),
    );
    expect((await zerosOf({ preset: 'deepmind' })).sort()).toEqual(inBranch(parts).sort());
  });

  test('timmLatest: in a branch only the last gain and the last bias move', async () => {
    const parts = ['conv1', 'conv2'].flatMap((conv) => ['kernel', 'gain', 'bias'].map((part) => `${conv}/${part}`));
    expect((await zerosOf({ preset: 'timmLatest' })).sort()).toEqual(inBranch([...parts, 'conv3/kernel']).sort());
  });

  test('timm045: everything moves', async () => {
    expect(await zerosOf({ preset: 'timm045' })).toEqual([]);
  });

  test('the default classifier starts near ln K', async () => {
    const model = build();
    const { loss } = await trained(model, initModel(model, 0), { images, labels });
    expect(Math.abs(loss.data[0]! - Math.log(3))).toBeLessThan(0.05);
  });
});
