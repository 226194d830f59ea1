/** How parameters start. */
import { describe, expect, test } from 'vitest';
import { initModel } from '../../src/models/init.ts';
import { models, type ModelName } from '../../src/models/registry.ts';

const input = { height: 224, width: 224, channels: 3, classes: 1000 };
function build(name: ModelName, options: Record<string, unknown> = {}) {
  return models[name].build(models[name].options.parse(options), input);
}

/** √(mean x²), mean and largest |x|. */
function spread(data: ArrayLike<number>) {
  const values = Array.from(data);
  const mean = (f: (x: number) => number) => values.reduce((total, x) => total + f(x), 0) / values.length;
  return {
    rms: Math.sqrt(mean((x) => x * x)),
    mean: mean((x) => x),
    largest: values.reduce((a, x) => Math.max(a, Math.abs(x)), 0),
  };
}

describe('kernels are untruncated normals', () => {
  // He fan-out: √(2 / (h·w·cout)); norm-free: 1/√(h·w·cin)
  test.each([
    ['resnet18', 'stem/kernel', Math.sqrt(2 / 3136)],
    ['resnet18', 'stage2/block1/shortcut/kernel', Math.sqrt(2 / 128)],
    ['resnet18', 'stage1/block1/conv1/kernel', Math.sqrt(2 / 576)],
    ['nf-resnet18', 'stem/kernel', 1 / Math.sqrt(147)],
    ['nf-resnet18', 'stage2/block1/shortcut/kernel', 1 / Math.sqrt(64)],
    ['nf-resnet18', 'stage2/block1/conv1/kernel', 1 / Math.sqrt(576)],
  ] as const)('%s %s', (name, kernel, std) => {
    const model = build(name);
    const only = { ...model, params: { [kernel]: model.params[kernel]! } };
    const { data } = initModel(only, 0).params[kernel]!;
    const { rms, mean, largest } = spread(data);
    const error = 1 / Math.sqrt(data.length); // standard error of the mean, in units of std
    expect(Math.abs(mean / std)).toBeLessThan(4 * error);
    expect(Math.abs(rms / std - 1)).toBeLessThan((4 * error) / Math.SQRT2);
    expect(largest / std).toBeGreaterThan(3); // a normal cut at 2σ has a standard deviation of 0.88
  });
});

test('published standard deviations of the 7×7 stem, a 1×1 and a 3×3', () => {
  const { params } = build('resnet50');
  const std = (name: string) => {
    const { init } = params[name]!;
    return init.kind === 'normal' ? init.std : NaN;
  };
  expect(std('stem/kernel')).toBeCloseTo(0.025254, 6);
  expect(std('stage1/block1/conv1/kernel')).toBeCloseTo(0.17678, 5);
  expect(std('stage4/block1/conv2/kernel')).toBeCloseTo(0.020833, 6);
});

describe('vectors', () => {
  test('scales start at 1, offsets at 0, running statistics at 0 and 1', () => {
    const { params, stats } = build('resnet50');
    for (const [name, { init }] of [...Object.entries(params), ...Object.entries(stats)]) {
      if (/norm\/(scale|variance)$/.test(name)) expect(init, name).toEqual({ kind: 'constant', value: 1 });
      if (/norm\/(offset|mean)$/.test(name)) expect(init, name).toEqual({ kind: 'constant', value: 0 });
    }
  });

  test('zeroGamma starts the last scale of the 16 branches at 0: 15,104 scalars', () => {
    const { params } = build('resnet50', { zeroGamma: true });
    const atZero = Object.entries(params).filter(
      ([name, { init }]) => name.endsWith('scale') && init.kind === 'constant' && init.value === 0,
    );
    expect(atZero).toHaveLength(16);
    expect(atZero.every(([name]) => name.endsWith('conv3/norm/scale'))).toBe(true);
    expect(atZero.reduce((total, [, { shape }]) => total + shape[0]!, 0)).toBe(15_104);
  });

  test.each([
    ['deepmind', []],
    ['timm045', []],
    ['timmLatest', ['stage1/block1/conv2/gain', 'stage1/block2/conv2/gain', 'stage2/block1/conv2/gain']],
  ])('%s starts these gains at 0: %j, …', (preset, first) => {
    const { params } = build('nf-resnet18', { preset });
    const atZero = Object.entries(params).flatMap(([name, { init }]) =>
      name.endsWith('/gain') && init.kind === 'constant' && init.value === 0 ? [name] : [],
    );
    expect(atZero.slice(0, 3)).toEqual(first);
    expect(atZero).toHaveLength(preset === 'timmLatest' ? 8 : 0);
  });
});

describe('the classifier', () => {
  const headOf = (name: ModelName, options = {}) => {
    const model = build(name, options);
    const only = {
      ...model,
      params: { 'head/kernel': model.params['head/kernel']!, 'head/bias': model.params['head/bias']! },
    };
    const { params } = initModel(only, 3);
    return { kernel: spread(params['head/kernel']!.data), bias: spread(params['head/bias']!.data) };
  };

  test('torch: uniform in ±1/√2048, kernel and bias', () => {
    const { kernel, bias } = headOf('resnet50');
    expect(kernel.largest).toBeLessThanOrEqual(0.022098);
    expect(kernel.rms).toBeCloseTo(0.022097 / Math.sqrt(3), 4);
    expect(bias.largest).toBeLessThanOrEqual(0.022098);
    expect(bias.largest).toBeGreaterThan(0.0215);
  });

  test('normal0.01 is the norm-free default', () => {
    const { kernel, bias } = headOf('nf-resnet50');
    expect(kernel.rms).toBeCloseTo(0.01, 4);
    expect(bias.largest).toBe(0);
  });

  test('zeros', () => {
    expect(headOf('resnet50', { headInit: 'zeros' })).toMatchObject({ kernel: { largest: 0 }, bias: { largest: 0 } });
  });
});

describe('draws', () => {
  const small = models['r8-basic'].build(models['r8-basic'].options.parse({}), {
    ...input,
    height: 8,
    width: 8,
    classes: 10,
  });

  test('are a function of the seed and the name alone', () => {
    const all = initModel(small, 5).params;
    const one = initModel({ ...small, params: { 'stem/kernel': small.params['stem/kernel']! } }, 5).params;
    expect(one['stem/kernel']).toEqual(all['stem/kernel']);
    expect(initModel(small, 5)).toEqual(initModel(small, 5));
  });

  test('differ between seeds and between names; seed 0 is as good as any', () => {
    const kernels = [0, 1, 2 ** 33].map((seed) => initModel(small, seed).params['stem/kernel']!.data);
    const second = initModel(small, 0).params['stage1/block1/conv1/kernel']!.data;
    const firsts = [...kernels.map((data) => data[0]! / Math.sqrt(2 / 144)), second[0]! / Math.sqrt(2 / 144)];
    expect(new Set(firsts.map((x) => x.toFixed(4))).size).toBe(4);
  });
});
