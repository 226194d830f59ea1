/**
 * Residual networks with batch normalisation.
 *
 *     block(x) = relu(shortcut(x) + branch(x))      branch: convolution, norm, relu, …, convolution, norm
 *
 * The bottleneck is "v1.5": its stride sits in the 3×3. Convolutions have no bias.
 *
 * Reference: He et al., Deep Residual Learning for Image Recognition, 2016. https://arxiv.org/abs/1512.03385
 */
import { z } from 'zod';
import { UserError } from '../errors.ts';
import { add, batchNormEval, batchNormTrain, mul, relu, type Tensor, type Tensors } from '../tensor/ops.ts';
import { layout, stemFor, type Architecture, type Block, type Conv } from './architecture.ts';
import {
  classify,
  convolve,
  globalMean,
  headInits,
  headParams,
  constant,
  kernelShape,
  networkOptions,
  stemPool,
} from './layers.ts';
import type { ModelFamily, ParamSpec } from './model.ts';

const eps = 1e-5;
/** Share of a running statistic that stays each step. */
const keep = 0.9;

export const resnetOptions = z.strictObject({
  ...networkOptions,
  zeroGamma: z.boolean().default(false).describe('start the last scale of every residual branch at 0'),
  headInit: z.enum(headInits).default('torch').describe('how the classifier starts'),
});

/** The batch-normalised network of an architecture. */
export const resnet = (summary: string, architecture: Architecture): ModelFamily<typeof resnetOptions> => ({
  summary,
  paper: '1512.03385',
  native: architecture.native,
  options: resnetOptions,

  build({ stem, padding, zeroGamma, headInit }, input) {
    const net = layout(architecture, stemFor(stem, architecture, input), input);
    const lastConvs = new Set(net.blocks.map(({ convs }) => convs.at(-1)!.name));
    const scaleOf = (c: Conv) => constant(zeroGamma && lastConvs.has(c.name) ? 0 : 1);

    const params = net.convs.flatMap((c): [string, ParamSpec][] => [
      [
        `${c.name}/kernel`,
        { shape: kernelShape(c), init: { kind: 'normal', std: Math.sqrt(2 / (c.size ** 2 * c.cout)) } },
      ],
      [`${c.name}/norm/scale`, { shape: [c.cout], init: scaleOf(c) }],
      [`${c.name}/norm/offset`, { shape: [c.cout], init: constant(0) }],
    ]);
    const stats = net.convs.flatMap((c): [string, ParamSpec][] => [
      [`${c.name}/norm/mean`, { shape: [c.cout], init: constant(0) }],
      [`${c.name}/norm/variance`, { shape: [c.cout], init: constant(1) }],
    ]);

    return {
      params: { ...Object.fromEntries(params), ...headParams(net.features, input.classes, headInit) },
      stats: Object.fromEntries(stats),
      macs: net.macs,

      apply(params, stats, images, { training }) {
        const nextStats: Record<string, Tensor> = {};
        const conv = (x: Tensor, c: Conv) => {
          const { y, ...moved } = normalize(
            convolve(x, params[`${c.name}/kernel`]!, c, padding),
            c.name,
            params,
            stats,
            training,
          );
          nextStats[`${c.name}/norm/mean`] = moved.mean;
          nextStats[`${c.name}/norm/variance`] = moved.variance;
          return y;
        };
        const maps: Record<string, Tensor> = {};
        let x = (maps['stem'] = relu(conv(images, net.stem)));
        if (net.pool) x = maps['pool'] = stemPool(x, padding);
        for (const block of net.blocks) x = maps[block.name] = applyBlock(x, block, conv);
        const features = (maps['features'] = globalMean(x));
        return { logits: classify(features, params), stats: nextStats, maps };
      },
    };
  },
});

/** x [N, H, W, Cin] → [N, ⌈H/stride⌉, ⌈W/stride⌉, Cout]; `conv` convolves and normalises. */
function applyBlock(x: Tensor, { convs, shortcut }: Block, conv: (x: Tensor, c: Conv) => Tensor): Tensor {
  const branch = convs.reduce((y, c, i) => conv(i === 0 ? y : relu(y), c), x);
  return relu(add(branch, shortcut ? conv(x, shortcut) : x));
}

/**
 * Batch norm and the running statistics after it.
 *
 *     m ← 0.9·m + 0.1·μ      v ← 0.9·v + 0.1·σ²·n/(n−1)      n = N·H·W
 *
 * The running variance is the unbiased one, as in PyTorch; TensorFlow.js' own layer keeps the biased one.
 */
function normalize(x: Tensor, conv: string, params: Tensors, stats: Tensors, training: boolean) {
  const [scale, offset] = [params[`${conv}/norm/scale`]!, params[`${conv}/norm/offset`]!];
  const [runningMean, runningVariance] = [stats[`${conv}/norm/mean`]!, stats[`${conv}/norm/variance`]!];
  if (!training) {
    const y = batchNormEval(x, scale, offset, runningMean, runningVariance, eps);
    return { y, mean: runningMean, variance: runningVariance };
  }
  const n = x.size / x.shape[3]!;
  if (n === 1) {
    throw new UserError(`${conv}: batch norm cannot train on one value a channel (batch 1 and a 1×1 map)`, {
      remedy: 'raise train.batch, use larger images, or train the norm-free twin (nf-…)',
    });
  }
  const { y, mean, variance } = batchNormTrain(x, scale, offset, eps);
  const moved = (running: Tensor, batch: Tensor, share: number) => add(mul(running, keep), mul(batch, share));
  return {
    y,
    mean: moved(runningMean, mean, 1 - keep),
    variance: moved(runningVariance, variance, ((1 - keep) * n) / (n - 1)),
  };
}
