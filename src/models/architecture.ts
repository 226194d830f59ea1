/**
 * Residual networks as tables: which blocks, how many, how wide; and every convolution that follows for an image size.
 *
 * Batch-normalised and norm-free networks share these tables, so their multiply–accumulates and kernels are the same.
 *
 * Reference: He et al., Deep Residual Learning for Image Recognition, 2016, table 1. https://arxiv.org/abs/1512.03385
 */
import type { Input } from './model.ts';

export interface Architecture {
  /** `basic`: 3×3, 3×3. `bottleneck`: 1×1 reduce, 3×3, 1×1 expand to four times the width. */
  readonly block: 'basic' | 'bottleneck';
  /** Blocks of each stage. The first block of every stage but the first halves the map. */
  readonly depths: readonly number[];
  /** Width of each stage before expansion; the stem has the first. */
  readonly widths: readonly number[];
  /** The input it was published for. */
  readonly native: Input;
}

const imagenet: Input = { height: 224, width: 224, channels: 3, classes: 1000 };
const cifar: Input = { height: 32, width: 32, channels: 3, classes: 10 };
const widths = [64, 128, 256, 512];

export const architectures = {
  resnet18: { block: 'basic', depths: [2, 2, 2, 2], widths, native: imagenet },
  resnet26: { block: 'bottleneck', depths: [2, 2, 2, 2], widths, native: imagenet },
  resnet34: { block: 'basic', depths: [3, 4, 6, 3], widths, native: imagenet },
  resnet50: { block: 'bottleneck', depths: [3, 4, 6, 3], widths, native: imagenet },
  resnet101: { block: 'bottleneck', depths: [3, 4, 23, 3], widths, native: imagenet },
  'r8-basic': { block: 'basic', depths: [1, 1, 1], widths: [16, 32, 64], native: cifar },
  resnet20: { block: 'basic', depths: [3, 3, 3], widths: [16, 32, 64], native: cifar },
  'r14-bottleneck-w8': { block: 'bottleneck', depths: [1, 1, 1, 1], widths: [8, 16, 32, 64], native: cifar },
  'r14-bottleneck-w16': { block: 'bottleneck', depths: [1, 1, 1, 1], widths: [16, 32, 64, 128], native: cifar },
  'r26-quarter': { block: 'bottleneck', depths: [2, 2, 2, 2], widths: [16, 32, 64, 128], native: cifar },
  'r18-half': { block: 'basic', depths: [2, 2, 2, 2], widths: [32, 64, 128, 256], native: cifar },
  'r26-half': { block: 'bottleneck', depths: [2, 2, 2, 2], widths: [32, 64, 128, 256], native: cifar },
} as const satisfies Record<string, Architecture>;
export type ArchitectureName = keyof typeof architectures;

/** `imagenet`: 7×7 stride 2, then 3×3 max-pool stride 2. `cifar`: 3×3 stride 1, no pool. */
export type Stem = 'imagenet' | 'cifar';

/** One convolution: square kernel, input and output channels, and its output map. */
export interface Conv {
  readonly name: string;
  readonly size: number;
  readonly stride: number;
  readonly cin: number;
  readonly cout: number;
  readonly height: number;
  readonly width: number;
}

export interface Block {
  readonly name: string;
  readonly isFirstOfStage: boolean;
  /** The residual branch, in order. */
  readonly convs: readonly Conv[];
  /** The 1×1 projection, where the branch changes the shape; otherwise the shortcut is the identity. */
  readonly shortcut?: Conv;
}

export interface Layout {
  readonly stem: Conv;
  /** Whether the stem ends in a 3×3 stride-2 max-pool. */
  readonly pool: boolean;
  readonly blocks: readonly Block[];
  /** Channels the classifier sees. */
  readonly features: number;
  readonly convs: readonly Conv[];
  /** Multiply–accumulates of one image: convolutions and the classifier. */
  readonly macs: number;
}

/** `auto` is the 7×7 stem for the 224-pixel architectures on images larger than 64 pixels, else the CIFAR stem. */
export const stemFor = (asked: Stem | 'auto', { native }: Architecture, { height, width }: Input): Stem =>
  asked === 'auto' ? (native.height === 224 && Math.max(height, width) > 64 ? 'imagenet' : 'cifar') : asked;

/** Every convolution of a network and the size of the map it makes. Strided layers make ⌈n/stride⌉ of n. */
export function layout({ block, depths, widths }: Architecture, stemKind: Stem, input: Input): Layout {
  const hasPool = stemKind === 'imagenet';
  const stemConv = hasPool ? { size: 7, stride: 2 } : { size: 3, stride: 1 };
  const stem = conv('stem', input, { ...stemConv, cout: widths[0]! });

  const blocks: Block[] = [];
  let map = hasPool ? { ...mapOf(stem), ...halved(stem) } : mapOf(stem);
  depths.forEach((depth, stage) => {
    for (let i = 0; i < depth; i++) {
      const name = `stage${stage + 1}/block${i + 1}`;
      const isFirstOfStage = i === 0;
      const made = residual(block, name, map, widths[stage]!, isFirstOfStage && stage > 0 ? 2 : 1);
      blocks.push({ name, isFirstOfStage, ...made });
      map = mapOf(made.convs.at(-1)!);
    }
  });

  const convs = [stem, ...blocks.flatMap(({ convs, shortcut }) => (shortcut ? [...convs, shortcut] : convs))];
  const convMacs = convs.map((c) => c.height * c.width * c.size ** 2 * c.cin * c.cout);
  const macs = convMacs.reduce((a, b) => a + b, map.channels * input.classes);
  return { stem, pool: hasPool, blocks, features: map.channels, convs, macs };
}

interface FeatureMap {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

const mapOf = ({ height, width, cout }: Conv): FeatureMap => ({ height, width, channels: cout });
const halved = ({ height, width }: Conv) => ({ height: Math.ceil(height / 2), width: Math.ceil(width / 2) });

function conv(
  name: string,
  from: FeatureMap,
  { size, stride, cout }: { size: number; stride: number; cout: number },
): Conv {
  const [height, width] = [Math.ceil(from.height / stride), Math.ceil(from.width / stride)];
  return { name, size, stride, cin: from.channels, cout, height, width };
}

/** The branch and the shortcut of one block. A bottleneck's stride sits in its 3×3 ("v1.5"). */
function residual(block: Architecture['block'], name: string, from: FeatureMap, width: number, stride: number) {
  const kernels =
    block === 'basic'
      ? [
          { size: 3, stride, cout: width },
          { size: 3, stride: 1, cout: width },
        ]
      : [
          { size: 1, stride: 1, cout: width },
          { size: 3, stride, cout: width },
          { size: 1, stride: 1, cout: 4 * width },
        ];
  let map = from;
  const convs = kernels.map((kernel, i) => {
    const made = conv(`${name}/conv${i + 1}`, map, kernel);
    map = mapOf(made);
    return made;
  });
  if (stride === 1 && map.channels === from.channels) return { convs };
  return { convs, shortcut: conv(`${name}/shortcut`, from, { size: 1, stride, cout: map.channels }) };
}
