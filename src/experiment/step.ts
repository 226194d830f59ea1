/** The programs of a run: one training step, the lookahead merge, one evaluation batch. Pure functions of tensors. */
import type { Model } from '../models/model.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import {
  joined,
  scalarSpec,
  under,
  type Dtype,
  type HostTensors,
  type Program,
  type Specs,
} from '../tensor/compile.ts';
import {
  add,
  addN,
  concat,
  equal,
  greater,
  less,
  logSoftmax,
  mean,
  mul,
  neg,
  range,
  reshape,
  smoothedOneHot,
  softmaxCrossEntropy,
  sqrt,
  square,
  sub,
  sum,
  toFloat,
  valueAndGrad,
  type Tensor,
  type Tensors,
} from '../tensor/ops.ts';

/** Prefix of a component meter among a program's outputs. */
export const METER = 'meter/';

const squares = (xs: Tensors): Tensor[] => Object.values(xs).map((x) => sum(square(x)));
const globalNorm = (xs: Tensors): Tensor => sqrt(addN(squares(xs)));

const difference = (a: Tensors, b: Tensors): Tensors =>
  Object.fromEntries(Object.entries(a).map(([name, x]) => [name, sub(x, b[name]!)]));

const prefixed = (meters: Tensors): Tensors =>
  Object.fromEntries(Object.entries(meters).map(([name, x]) => [METER + name, x]));

/** What a session of a run holds. */
export const runState = (groups: { params: HostTensors; stats: HostTensors; slots: HostTensors }): HostTensors =>
  joined(groups);

/**
 * Forward, backward and optimizer: images [N, H, W, C], labels [N] and the optimizer's scalars give the next state, the
 * loss, the batch's top-1 accuracy, the global norms of gradient, parameters (before) and update (without a merge), and the
 * norm of each parameter's gradient, in the order of the parameters: [number of parameters].
 */
export function trainStep(
  model: Model,
  optimizer: Optimizer,
  options: { labelSmoothing: number; meters: boolean },
): Program {
  return (state, { images, labels, ...scalars }) => {
    const [params, stats, slots] = [under(state, 'params'), under(state, 'stats'), under(state, 'slots')];
    const { loss, grads, aux } = valueAndGrad((p) => {
      const { logits, stats: nextStats } = model.apply(p, stats, images!, { training: true });
      const loss = softmaxCrossEntropy(logits, labels!, options.labelSmoothing);
      return { loss, aux: { logits, ...joined({ stats: nextStats }) } };
    }, params);

    const meters: Record<string, Tensor> = {};
    const next = optimizer.update(params, grads, slots, scalars, options.meters ? meters : undefined);
    const gradSquares = squares(grads);

    return {
      state: joined({ params: next.params, stats: under(aux, 'stats'), slots: next.state }),
      outputs: {
        loss,
        top1: mean(within(1, rankOfLabel(aux['logits']!, labels!))),
        gradNorm: sqrt(addN(gradSquares)),
        paramNorm: globalNorm(params),
        updateNorm: globalNorm(difference(next.params, params)),
        gradNorms: sqrt(
          concat(
            gradSquares.map((x) => reshape(x, [1])),
            0,
          ),
        ),
        ...prefixed(meters),
      },
    };
  };
}

/** Forward and backward pass alone: what a step costs before any optimizer. */
export function gradientStep(model: Model, labelSmoothing: number): Program {
  return (state, { images, labels }) => {
    const { loss, grads } = valueAndGrad(
      (p) => {
        const { logits } = model.apply(p, under(state, 'stats'), images!, { training: true });
        return { loss: softmaxCrossEntropy(logits, labels!, labelSmoothing), aux: {} };
      },
      under(state, 'params'),
    );
    return { outputs: { loss, gradNorm: globalNorm(grads) } };
  };
}

/** `images`: float32 for a network on normalised images, uint8 for one on pixels. */
export const trainInputs = (
  batch: number,
  [height, width, channels]: readonly number[],
  scalars: readonly string[],
  images: Dtype = 'float32',
): Specs => ({
  images: { shape: [batch, height!, width!, channels!], dtype: images },
  labels: { shape: [batch], dtype: 'int32' },
  ...Object.fromEntries(scalars.map((name) => [name, scalarSpec])),
});

/** The lookahead merge that ends a step of variant `merge`. */
export function mergeStep(optimizer: Optimizer, options = { meters: true }): Program {
  return (state) => {
    const meters: Record<string, Tensor> = {};
    const next = optimizer.merge(under(state, 'params'), under(state, 'slots'), options.meters ? meters : undefined);
    return { state: joined({ params: next.params, slots: next.state }), outputs: prefixed(meters) };
  };
}

/**
 * One evaluation batch with the running statistics: sums over the samples of weight 1 of the loss (no smoothing) and of
 * the top-1 and top-5 hits.
 */
export function evaluateStep(model: Model): Program {
  return (state, { images, labels, weights }) => {
    const { logits } = model.apply(under(state, 'params'), under(state, 'stats'), images!, { training: false });
    const target = smoothedOneHot(labels!, logits.shape[1]!, 0);
    const losses = neg(sum(mul(logSoftmax(logits), target), [1]));
    const rank = rankOfLabel(logits, labels!);
    return {
      outputs: {
        loss: sum(mul(losses, weights!)),
        top1: sum(mul(within(1, rank), weights!)),
        top5: sum(mul(within(5, rank), weights!)),
      },
    };
  };
}

export const evaluateInputs = (
  batch: number,
  [height, width, channels]: readonly number[],
  images: Dtype = 'float32',
): Specs => ({
  images: { shape: [batch, height!, width!, channels!], dtype: images },
  labels: { shape: [batch], dtype: 'int32' },
  weights: { shape: [batch], dtype: 'float32' },
});

/**
 * How many classes come before the true one when logits [N, K] are sorted downwards, ties by class index: [N].
 * A row with a NaN or an infinity ranks beyond every k, so it is never a hit.
 */
function rankOfLabel(logits: Tensor, labels: Tensor): Tensor {
  const classes = logits.shape[1]!;
  const index = reshape(range(classes), [1, classes]);
  const label = reshape(toFloat(labels), [-1, 1]);
  const own = sum(mul(logits, toFloat(equal(index, label))), [1], true); // NaN wherever the row has a NaN or infinity
  const above = toFloat(greater(logits, own));
  const tiedBefore = mul(toFloat(equal(logits, own)), toFloat(less(index, label)));
  const finite = toFloat(equal(own, own));
  return add(sum(add(above, tiedBefore), [1]), mul(sub(1, reshape(finite, [-1])), 1e9));
}

/** 1 where the rank is below k. */
const within = (k: number, rank: Tensor): Tensor => toFloat(less(rank, k));
