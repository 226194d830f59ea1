/** Parameters, multiply–accumulates and map sizes against published and hand-derived counts. */
import { describe, expect, test } from 'vitest';
import { architectures, layout, stemFor } from '../../src/models/architecture.ts';
import { initModel } from '../../src/models/init.ts';
import type { Input, Model } from '../../src/models/model.ts';
import { nfResnet } from '../../src/models/nfResnet.ts';
import { models, type ModelName } from '../../src/models/registry.ts';
import { resnet } from '../../src/models/resnet.ts';
import { sizeOf } from '../../src/tensor/compile.ts';
import { forward } from './onBackend.ts';

const square = (size: number, classes: number, channels = 3): Input => ({
  height: size,
  width: size,
  channels,
  classes,
});

function build(name: ModelName, input: Input, options: Record<string, unknown> = {}): Model {
  return models[name].build(models[name].options.parse(options), input);
}

/** Scalars and tensors of the parameters whose names match. */
function count({ params }: Model, names = /./) {
  const sizes = Object.entries(params).flatMap(([name, { shape }]) => (names.test(name) ? [sizeOf(shape)] : []));
  return { scalars: sizes.reduce((a, b) => a + b, 0), tensors: sizes.length };
}

describe('parameters and multiply–accumulates', () => {
  // ResNet18/34/50/101: the totals torchvision publishes; the others and the MACs: summed by hand from the tables
  test.each([
    ['resnet18', 224, 1000, 3, 11_689_512, 8, 1_814_073_344],
    ['resnet26', 224, 1000, 3, 15_995_176, 8, 2_342_256_640],
    ['resnet34', 224, 1000, 3, 21_797_672, 16, 3_663_761_408],
    ['resnet50', 224, 1000, 3, 25_557_032, 16, 4_089_184_256],
    ['resnet101', 224, 1000, 3, 44_549_160, 33, 7_801_405_440],
    ['resnet18', 128, 10, 3, 11_181_642, 8, 592_188_416],
    ['resnet50', 128, 10, 3, 23_528_522, 16, 1_334_595_584],
    ['resnet18', 32, 10, 3, 11_173_962, 8, 555_422_720],
    ['resnet26', 32, 10, 3, 13_958_986, 8, 727_404_544],
    ['resnet50', 32, 10, 3, 23_520_842, 16, 1_297_829_888],
    ['resnet18', 64, 200, 3, 11_271_432, 8, 2_221_772_800],
    ['resnet50', 64, 200, 3, 23_910_152, 16, 5_191_647_232],
    ['r8-basic', 32, 10, 3, 78_042, 3, 12_501_632],
    ['r8-basic', 28, 10, 1, 77_754, 3, 9_345_920],
    ['r14-bottleneck-w8', 32, 10, 3, 130_002, 4, 7_105_024],
    ['resnet20', 32, 10, 3, 272_474, 9, 40_813_184],
    ['r14-bottleneck-w16', 32, 10, 3, 509_594, 4, 27_972_608],
    ['r26-quarter', 32, 10, 3, 882_394, 8, 45_798_400],
    ['r18-half', 32, 10, 3, 2_797_610, 8, 139_299_328],
    ['r26-half', 32, 10, 3, 3_503_018, 8, 182_298_624],
  ] as const)('%s at %i px, %i classes, %i channels', (name, size, classes, channels, scalars, blocks, macs) => {
    const input = square(size, classes, channels);
    const batchNorm = build(name, input);
    expect(count(batchNorm).scalars).toBe(scalars);
    expect(batchNorm.macs).toBe(macs);
    // a gain and a bias replace scale and offset one for one; the DeepMind preset has one scalar more for each block
    expect(count(build(`nf-${name}`, input)).scalars).toBe(scalars + blocks);
    expect(count(build(`nf-${name}`, input, { preset: 'timm045' })).scalars).toBe(scalars);
    expect(count(build(`nf-${name}`, input, { preset: 'timmLatest' })).scalars).toBe(scalars);
    expect(build(`nf-${name}`, input).macs).toBe(macs);
  });

  test('ResNet50 stage by stage', () => {
    const model = build('resnet50', square(224, 1000));
    const parts = ['stem', 'stage1', 'stage2', 'stage3', 'stage4', 'head'].map(
      (part) => count(model, RegExp(`^${part}/`)).scalars,
    );
    expect(parts).toEqual([9_536, 215_808, 1_219_584, 7_098_368, 14_964_736, 2_049_000]);
    expect(count(model, /kernel$/).scalars).toBe(23_454_912 + 2_048_000);
    expect(count(model, /norm/)).toEqual({ scalars: 53_120, tensors: 106 });
    expect(count(model).tensors).toBe(161);
    expect(Object.keys(model.stats)).toHaveLength(106);
  });

  test('ResNet50 multiply–accumulates stage by stage', () => {
    const { convs } = layout(architectures.resnet50, 'imagenet', square(224, 1000));
    const macs = (part: string) =>
      convs
        .filter(({ name }) => name.startsWith(part))
        .reduce((total, c) => total + c.height * c.width * c.size ** 2 * c.cin * c.cout, 0);
    expect(['stem', 'stage1', 'stage2', 'stage3', 'stage4'].map(macs)).toEqual([
      118_013_952, 667_942_912, 1_027_604_480, 1_464_336_384, 809_238_528,
    ]);
    expect(convs).toHaveLength(53);
    expect(convs.reduce((total, c) => total + c.height * c.width * c.cout, 0)).toBe(11_113_984);
  });

  test('NF-ResNet50: tensors, gains, frozen gains', () => {
    const input = square(224, 1000);
    expect(count(build('nf-resnet50', input)).tensors).toBe(177);
    expect(count(build('nf-resnet50', input, { preset: 'timm045' })).tensors).toBe(161);
    expect(count(build('nf-resnet50', input), /\/gain$/).scalars).toBe(26_560);
    expect(count(build('nf-resnet50', input), /skipGain$/)).toEqual({ scalars: 16, tensors: 16 });
    expect(count(build('nf-resnet50', input, { freezeGains: true }), /\/gain$/).scalars).toBe(0);
    expect(build('nf-resnet50', input).stats).toEqual({});
    const gains = Object.entries(build('nf-resnet50', input).params).filter(([name]) => name.endsWith('/gain'));
    expect(gains.every(([, { shape }]) => shape.length === 1)).toBe(true); // rank 4 would centralise to zero
  });
});

describe('the stem', () => {
  test.each([
    ['resnet50', 224, 'imagenet'],
    ['resnet50', 65, 'imagenet'],
    ['resnet50', 64, 'cifar'],
    ['r18-half', 224, 'cifar'],
  ] as const)('auto: %s at %i px takes %s', (name, size, stem) => {
    expect(stemFor('auto', architectures[name], square(size, 10))).toBe(stem);
  });

  test('can be chosen', () => {
    expect(build('r8-basic', square(32, 10), { stem: 'imagenet' }).params['stem/kernel']!.shape).toEqual([7, 7, 3, 16]);
    expect(build('resnet18', square(224, 10), { stem: 'cifar' }).params['stem/kernel']!.shape).toEqual([3, 3, 3, 64]);
  });
});

describe('map sizes', () => {
  const tiny = { block: 'bottleneck', depths: [1, 1, 1, 1], widths: [1, 1, 1, 1], native: square(224, 2) } as const;
  const names = ['stem', 'pool', 'stage1/block1', 'stage2/block1', 'stage3/block1', 'stage4/block1'];

  test.each([
    [224, 'imagenet', [112, 56, 56, 28, 14, 7]],
    [256, 'imagenet', [128, 64, 64, 32, 16, 8]],
    [128, 'imagenet', [64, 32, 32, 16, 8, 4]],
    [223, 'imagenet', [112, 56, 56, 28, 14, 7]],
    [32, 'cifar', [32, 32, 16, 8, 4]],
    [64, 'cifar', [64, 64, 32, 16, 8]],
    [28, 'cifar', [28, 28, 14, 7, 4]],
  ] as const)('%i px, %s stem', async (size, stem, sizes) => {
    const expected = Object.fromEntries(
      names.filter((name) => stem === 'imagenet' || name !== 'pool').map((name, i) => [name, [sizes[i], sizes[i]]]),
    );
    for (const family of [resnet('', tiny), nfResnet('', tiny)]) {
      for (const padding of ['same', 'torch']) {
        const model = family.build(family.options.parse({ stem, padding }) as never, square(size, 2)); // its own options
        const images = { shape: [1, size, size, 3], data: new Float32Array(size * size * 3).fill(1) };
        const { maps, logits } = await forward(model, initModel(model, 0), images, false);
        const found = Object.fromEntries(Object.keys(expected).map((name) => [name, maps[name]!.shape.slice(1, 3)]));
        expect(found).toEqual(expected);
        expect(logits.shape).toEqual([1, 2]);
      }
    }
  });

  test('images need not be square, nor have three channels', async () => {
    const model = build('nf-r8-basic', { height: 9, width: 14, channels: 2, classes: 7 });
    const images = { shape: [3, 9, 14, 2], data: new Float32Array(3 * 9 * 14 * 2).fill(1) };
    const { maps, logits } = await forward(model, initModel(model, 0), images, true);
    expect(maps['stage3/block1']!.shape).toEqual([3, 3, 4, 64]);
    expect(logits.shape).toEqual([3, 7]);
  });
});

test('every model takes only its own options', () => {
  for (const family of Object.values(models)) {
    const { options } = family;
    const defaults = family.settle?.(options.parse({})) ?? options.parse({});
    expect(options.parse(defaults)).toEqual(defaults);
    expect(Object.keys(defaults).sort()).toEqual(Object.keys(options.shape).sort());
    expect(() => options.parse({ stochasticDepth: 0.1 })).toThrow(/stochasticDepth/);
  }
});
