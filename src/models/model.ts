/** What a model is to the rest of the program. */
import type { z } from 'zod';
import type { HostTensors } from '../tensor/compile.ts';
import type { Tensor, Tensors } from '../tensor/ops.ts';

/** How a parameter starts. Normal draws are untruncated. */
export type Init =
  | { readonly kind: 'normal'; readonly std: number }
  | { readonly kind: 'uniform'; readonly limit: number }
  | { readonly kind: 'constant'; readonly value: number };

export interface ParamSpec {
  readonly shape: readonly number[];
  readonly init: Init;
}

export interface Model {
  /** Trainable parameters, in forward order. */
  readonly params: Readonly<Record<string, ParamSpec>>;
  /** Parameters held at their initial values: the optimizer never sees them. */
  readonly frozen?: Readonly<Record<string, ParamSpec>>;
  /** Running statistics (batch norm), which receive no gradient. */
  readonly stats: Readonly<Record<string, ParamSpec>>;
  /** Multiply–accumulates of one image's forward pass, convolutions and dense layers only. */
  readonly macs: number;
  /**
   * images [N, H, W, C] → logits [N, K] and the next running statistics.
   * `training` uses the batch's statistics; otherwise the running ones, returned as they are.
   */
  apply(params: Tensors, stats: Tensors, images: Tensor, options: { training: boolean }): Applied;
}

export interface Applied {
  readonly logits: Tensor;
  readonly stats: Tensors;
  /** Outputs on the way, by name: the stem, its pool, each block, the pooled features. */
  readonly maps: Tensors;
}

/** What a model needs to know about the data. */
export interface Input {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly classes: number;
}

/** What a model may need to know about how it is trained. */
export interface Training {
  /** Whether the optimizer centralises gradients. */
  readonly centralised?: boolean;
}

/** An entry of the registry. */
export interface ModelFamily<Options extends z.ZodObject = z.ZodObject> {
  readonly summary: string;
  readonly paper: string;
  /** The input that `ranger21 models` quotes it for. */
  readonly native: Input;
  /** The keys `model:` takes in a config beside `name`. */
  readonly options: Options;
  /** The options with those filled in whose default depends on another. */
  settle?(options: z.output<Options>): z.output<Options>;
  build(options: z.output<Options>, input: Input, training?: Training): Model;
}

/** Initial values, a function of (seed, parameter name): adding a parameter changes no other. */
export type InitModel = (model: Model, seed: number) => { params: HostTensors; stats: HostTensors };
