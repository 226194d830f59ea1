/** The `study.search:` block: which hyperparameters are searched, over which ranges, at what cost. */
import { z } from 'zod';
import { holdOutOption } from '../data/holdOut.ts';

const ascending = ([low, high]: readonly [number, number]) => low < high;
const increases = { error: 'expected two numbers, the smaller first' };
const positive = z.number().positive();
const below1 = z.number().gt(0).lt(1);

const kinds = {
  log: z.tuple([positive, positive]).refine(ascending, increases).describe('evenly by the logarithm'),
  linear: z.tuple([z.number(), z.number()]).refine(ascending, increases).describe('evenly'),
  int: z.tuple([z.int(), z.int()]).refine(ascending, increases).describe('whole numbers, evenly, both ends included'),
  oneMinusLog: z
    .tuple([below1, below1])
    .refine(ascending, increases)
    .describe('x where 1 − x lies evenly by the logarithm between these: [1e-3, 0.1] for β from 0.9 to 0.999'),
  choice: z
    .array(z.union([z.number(), z.string(), z.boolean()]))
    .min(2)
    .describe('one of these'),
};
export const rangeKinds = Object.keys(kinds) as (keyof typeof kinds)[];

/** One hyperparameter's range: exactly one kind of it. */
export const rangeSchema = z
  .strictObject({
    log: kinds.log.optional(),
    linear: kinds.linear.optional(),
    int: kinds.int.optional(),
    oneMinusLog: kinds.oneMinusLog.optional(),
    choice: kinds.choice.optional(),
  })
  .refine((range) => Object.values(range).filter((bounds) => bounds !== undefined).length === 1, {
    error: `expected exactly one of ${rangeKinds.join(', ')}`,
  });
export type Range = z.output<typeof rangeSchema>;
export type HyperValue = number | string | boolean;

const count = z.int().min(1);

export const searchSchema = z.strictObject({
  budget: count.max(10_000).default(16).describe('trials for each arm that is searched'),
  design: z
    .enum(['halton', 'sobol', 'random', 'grid'])
    .default('halton')
    .describe('how the trials cover the space; halton and sobol are scrambled'),
  scramble: z.int().min(0).default(0).describe('seed of the trials’ places'),
  seeds: z
    .union([count.max(1000), z.array(z.int().min(0)).min(1)])
    .default(2)
    .describe('runs a trial, with seeds no measured run has: how many, or which'),
  holdOut: holdOutOption.holdOut
    .unwrap()
    .default(0.2)
    .describe('share of the training images that trials are scored on; the test set stays untouched'),
  space: z
    .record(z.string(), rangeSchema)
    .default({})
    .describe('range of each hyperparameter by its key: optimizer.lr: { log: [1e-4, 1e-1] }'),
  line: z
    .array(positive)
    .min(3)
    .default([0.25, 0.5, 1, 2, 4])
    .describe('factors of the learning rate along a line of it'),
});
export type SearchBlock = z.output<typeof searchSchema>;

/** Four digits: a learning rate of 0.003162 is as good as one with sixteen, and can be typed. */
const short = (x: number): number => Number(x.toPrecision(4));
const within = ([low, high]: readonly [number, number], x: number): number => Math.min(high, Math.max(low, x));
const between = ([low, high]: readonly [number, number], u: number): number => low + u * (high - low);
const logBetween = (bounds: readonly [number, number], u: number): number =>
  within(bounds, short(Math.exp(between([Math.log(bounds[0]), Math.log(bounds[1])], u))));
/** Without the tail of digits that a difference from 1 has. */
const complement = (x: number): number => Number((1 - x).toPrecision(12));

/** The value at u, from 0 (the range's start, or its first choice) to 1. */
export function valueIn({ log, linear, int, oneMinusLog, choice }: Range, u: number): HyperValue {
  if (log) return logBetween(log, u);
  if (linear) {
    const digits = Math.max(0, 4 - Math.floor(Math.log10(linear[1] - linear[0])));
    return within(linear, Number(between(linear, u).toFixed(Math.min(100, digits))));
  }
  if (int) return Math.min(int[1], int[0] + Math.floor(u * (int[1] - int[0] + 1)));
  if (oneMinusLog) return complement(logBetween(oneMinusLog, 1 - u));
  return choice![Math.min(choice!.length - 1, Math.floor(u * choice!.length))]!;
}

/** `1e-4 … 0.1, log`; `0.9 or 0.95` */
export function rangeText({ choice, ...bounded }: Range): string {
  if (choice) return choice.join(' or ');
  const [[kind, [low, high]]] = Object.entries(bounded).filter(([, bounds]) => bounds !== undefined) as [
    [string, [number, number]],
  ];
  const ends = kind === 'oneMinusLog' ? [complement(high), complement(low)] : [low, high];
  return `${ends.join(' … ')}, ${kind === 'oneMinusLog' ? 'log of 1 − x' : kind}`;
}
