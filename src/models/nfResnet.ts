/**
 * Residual networks without normalisation: standardised kernels and a predicted scale.
 *
 *     o = φ(x) / s        s: standard deviation of x that the recursion below predicts
 *     x ← shortcut + α · skipGain · branch(o)        φ(x) = γ · relu(x)
 *
 * The shortcut is x itself where shapes agree, else a 1×1 convolution of o. Every kernel is standardised and has a gain
 * and a bias of its own, [O] each. Nothing depends on the batch, so training and evaluation are the same function.
 *
 * References: Brock et al., Characterizing signal propagation to close the performance gap in unnormalized ResNets,
 * 2021. https://arxiv.org/abs/2101.08692 · Brock et al., High-Performance Large-Scale Image Recognition Without
 * Normalization, 2021. https://arxiv.org/abs/2102.06171
 * Differs from: both published codes in that gains are vectors in every preset and that stochastic depth and dropout are
 * 0. timm holds gains as [O, 1, 1, 1]; gradient centralisation subtracts each from itself, so that under Ranger21 they never
 * move, while AdamW trains and decays them: `freezeGains: auto` does the same.
 */
import { z } from 'zod';
import {
  add,
  avgPool,
  mul,
  relu,
  standardizeKernel,
  tensor,
  type Standardization,
  type Tensor,
} from '../tensor/ops.ts';
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

/** Share of the branch that enters the sum. */
const alpha = 0.2;

/**
 * γ: makes γ·relu of a standard normal have variance 1. The published constant, a Monte-Carlo estimate; the closed
 * form √(2/(1 − 1/π)) is 1.7128585504.
 */
export const reluGain = 1.7139588594436646;

interface Preset {
  /** Where γ sits: in φ, or folded into every kernel (the stem's too), which leaves φ and the last activation plain relu. */
  readonly gamma: 'activation' | 'kernel';
  /** How a shortcut halves the map: strided 1×1, or 2×2 mean then 1×1. */
  readonly shortcut: 'strided' | 'pooled';
  /** Whether each branch has a scalar that starts at 0. */
  readonly skipGain: boolean;
  /** Start of the gain of each branch's last kernel; all others start at 1. */
  readonly lastGain: 0 | 1;
  readonly standardization: Standardization;
  /** `freezeGains` where a config does not say. */
  readonly freezeGains: false | 'auto';
}

/** `deepmind` follows the papers' own code, `timm045` PyTorch Image Models 0.4.5, `timmLatest` its 0.4.12 and later. */
export const presets = {
  deepmind: {
    gamma: 'activation',
    shortcut: 'strided',
    skipGain: true,
    lastGain: 1,
    standardization: { floor: 'max', eps: 1e-4 },
    freezeGains: false,
  },
  timm045: {
    gamma: 'kernel',
    shortcut: 'pooled',
    skipGain: false,
    lastGain: 1,
    standardization: { floor: 'std', eps: 1e-5 },
    freezeGains: 'auto',
  },
  timmLatest: {
    gamma: 'kernel',
    shortcut: 'pooled',
    skipGain: false,
    lastGain: 0,
    standardization: { floor: 'variance', eps: 1e-5 },
    freezeGains: false,
  },
} as const satisfies Record<string, Preset>;
export type PresetName = keyof typeof presets;
export const presetNames = Object.keys(presets) as PresetName[];

export const nfResnetOptions = z.strictObject({
  preset: z.enum(presetNames).default('deepmind').describe('which published code to follow'),
  ...networkOptions,
  freezeGains: z
    .union([z.boolean(), z.literal('auto')])
    .optional()
    .describe(
      'hold kernel gains at their start; auto: where gradient centralisation is on, which turns the gradient of gains [O, 1, 1, 1] into zero (timm); when absent auto for timm045, else false',
    ),
  headInit: z.enum(headInits).default('normal0.01').describe('how the classifier starts'),
});

/**
 * Predicted standard deviation of each block's input: the variance starts at 1, a block adds α² to it, and the first
 * block of a stage resets it to 1 first.
 */
export function predictedStds(blocks: readonly Pick<Block, 'isFirstOfStage'>[]): number[] {
  let variance = 1;
  return blocks.map(({ isFirstOfStage }) => {
    const std = Math.sqrt(variance);
    variance = (isFirstOfStage ? 1 : variance) + alpha ** 2;
    return std;
  });
}

/** The norm-free network of an architecture. */
export const nfResnet = (summary: string, architecture: Architecture): ModelFamily<typeof nfResnetOptions> => ({
  summary,
  paper: '2101.08692',
  native: architecture.native,
  options: nfResnetOptions,

  settle: (options) => ({ ...options, freezeGains: options.freezeGains ?? presets[options.preset].freezeGains }),

  build({ preset: presetName, stem, padding, freezeGains, headInit }, input, { centralised = false } = {}) {
    const preset: Preset = presets[presetName];
    const freeze = freezeGains ?? preset.freezeGains;
    const isFrozen = freeze === 'auto' ? centralised : freeze;
    const net = layout(architecture, stemFor(stem, architecture, input), input);
    const stds = predictedStds(net.blocks);
    const lastConvs = new Set(net.blocks.map(({ convs }) => convs.at(-1)!.name));
    const gainStart = (c: Conv) => (lastConvs.has(c.name) ? preset.lastGain : 1);

    const params: Record<string, ParamSpec> = {};
    const frozen: Record<string, ParamSpec> = {};
    const declare = (c: Conv) => {
      const std = 1 / Math.sqrt(c.size ** 2 * c.cin);
      params[`${c.name}/kernel`] = { shape: kernelShape(c), init: { kind: 'normal', std } };
      (isFrozen ? frozen : params)[`${c.name}/gain`] = { shape: [c.cout], init: constant(gainStart(c)) };
      params[`${c.name}/bias`] = { shape: [c.cout], init: constant(0) };
    };
    declare(net.stem);
    for (const { name, convs, shortcut } of net.blocks) {
      convs.forEach(declare);
      if (shortcut) declare(shortcut);
      if (preset.skipGain) params[`${name}/skipGain`] = { shape: [], init: constant(0) };
    }

    return {
      params: { ...params, ...headParams(net.features, input.classes, headInit) },
      frozen,
      stats: {},
      macs: net.macs,

      apply(params, stats, images) {
        const phi = (x: Tensor) => (preset.gamma === 'activation' ? mul(relu(x), reluGain) : relu(x));
        const conv = (x: Tensor, c: Conv) => {
          const gain = params[`${c.name}/gain`] ?? tensor(new Float32Array(c.cout).fill(gainStart(c)), [c.cout]);
          const folded = preset.gamma === 'kernel' ? mul(gain, reluGain) : gain;
          const kernel = standardizeKernel(params[`${c.name}/kernel`]!, folded, preset.standardization);
          return add(convolve(x, kernel, c, padding), params[`${c.name}/bias`]!);
        };
        const project = (o: Tensor, c: Conv) =>
          preset.shortcut === 'pooled' && c.stride > 1
            ? conv(avgPool(o, c.stride, c.stride, 'same'), { ...c, stride: 1 })
            : conv(o, c);

        const maps: Record<string, Tensor> = {};
        let x = (maps['stem'] = conv(images, net.stem));
        if (net.pool) x = maps['pool'] = stemPool(x, padding);
        net.blocks.forEach(({ name, convs, shortcut }, i) => {
          const o = mul(phi(x), 1 / stds[i]!);
          const branch = convs.reduce((r, c, j) => conv(j === 0 ? r : phi(r), c), o);
          const share = preset.skipGain ? mul(params[`${name}/skipGain`]!, alpha) : alpha;
          x = maps[name] = add(shortcut ? project(o, shortcut) : x, mul(branch, share));
        });
        const features = (maps['features'] = globalMean(phi(x)));
        return { logits: classify(features, params), stats, maps };
      },
    };
  },
});
