/** What an experiment is: the config file's schema, put together from the registries. */
import { z } from 'zod';
import { datasets, type DatasetName } from '../data/registry.ts';
import { models, type ModelName } from '../models/registry.ts';
import { optimizerSchema } from '../optim/config.ts';
import { conflicts } from './conflicts.ts';
import { expectSchema } from './expect.ts';
import { searchSchema } from './search.ts';

interface Choice {
  readonly summary: string;
  readonly options: z.ZodObject;
  settle?(options: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
}

/** One strict map a registry entry: its name and its own options. */
function choice<Name extends string>(entries: Readonly<Record<Name, Choice>>) {
  const maps = (Object.keys(entries) as Name[]).map((name) => {
    const entry = entries[name];
    const map = z.strictObject({ name: z.literal(name), ...entry.options.shape }).describe(entry.summary);
    return entry.settle ? map.transform((chosen) => entry.settle!(chosen) as typeof chosen) : map;
  });
  const [first, ...rest] = maps as [(typeof maps)[number], ...typeof maps];
  return z.discriminatedUnion('name', [first, ...rest]) as unknown as z.ZodType<
    { name: Name } & Record<string, unknown>
  >; // which options belong to which name is beyond the type
}

const count = z.int().min(1);
const fraction = z.number().min(0).lt(1);

const train = z.strictObject({
  epochs: count.describe('passes over the training images'),
  batch: count.describe('images a step'),
  labelSmoothing: fraction.default(0).describe('share ε of the target spread over all classes'),
  augment: z
    .strictObject({
      crop: z
        .int()
        .min(0)
        .default(0)
        .describe('pixels padded on each side before a random crop of the original size; 0: none'),
      flip: z.boolean().default(false).describe('mirror half of the images'),
    })
    .prefault({}),
});

const evaluation = z.strictObject({
  every: z
    .string()
    .regex(/^[1-9]\d{0,8} (epochs?|steps?)$/, 'expected a count of epochs or steps such as "1 epoch" or "200 steps"')
    .default('1 epoch')
    .describe('"1 epoch", "200 steps"; the last step is always evaluated'),
  batch: count.default(256).describe('images at a time'),
});

const log = z.strictObject({
  meters: z
    .int()
    .min(0)
    .default(50)
    .describe('measure the components’ activity every so many steps, and in the first and last; 0: never'),
  tensorboard: z.boolean().default(true).describe('also write TensorBoard event files'),
});

const checkpoint = z.strictObject({
  every: z
    .string()
    .regex(
      /^[1-9]\d{0,8} (seconds?|minutes?|steps?|epochs?)$/,
      'expected a count of seconds, minutes, steps or epochs such as "1 minute"',
    )
    .default('1 minute')
    .describe('"1 minute", "200 steps", "1 epoch"'),
  keep: z
    .strictObject({
      last: z.int().min(2).default(2).describe('how many of the newest, while the run trains'),
      every: z
        .string()
        .regex(/^[1-9]\d{0,8} (steps?|epochs?)$/, 'expected a count of steps or epochs such as "10 epochs"')
        .optional()
        .describe('also keep one every so many steps or epochs'),
      best: z.boolean().default(false).describe('also keep the one of the best evaluation'),
      final: z.boolean().default(true).describe('keep the state after the last step'),
    })
    .prefault({}),
});

const stop = z.strictObject({
  stuckAfter: z
    .number()
    .gt(0)
    .max(1)
    .default(0.4)
    .describe('share of the steps after which a median loss at chance ends the run'),
  stuckWithin: z
    .number()
    .min(0)
    .default(0.02)
    .describe('how close to ln C (C classes), or to the entropy of the labels, counts as chance; 0: never stuck'),
  target: z
    .strictObject({
      metric: z.literal('top1'),
      value: z.number().gt(0).max(1).describe('share of the held-out images, 0 … 1'),
    })
    .optional()
    .describe('an evaluation this good ends the run as target_reached'),
  maxMinutes: z.number().gt(0).optional().describe('training time after which the run ends as timeout'),
});

/** Names become folders. */
const label = z
  .string()
  .regex(/^[A-Za-z0-9][\w.-]{0,99}$/, 'expected letters, digits, ".", "_" or "-", starting with a letter or digit');
const seed = z.int().min(0);

const share = z.number().gt(0).lt(1);
const designs = ['leave-one-out', 'add-one-in', 'ladder', 'pairs', 'plackett-burman', 'factorial'] as const;

const study = z.strictObject({
  name: label.optional().describe('folder under runs/'),
  seeds: z
    .union([count, z.array(seed).min(1)])
    .default(3)
    .describe('how many (0, 1, …), or which'),
  disable: z.array(z.string()).optional().describe('components left out one at a time; a+b: together'),
  addOneIn: z.boolean().optional().describe('also add each component alone to AdamW'),
  design: z
    .union([z.enum(designs), z.array(z.enum(designs)).min(1)])
    .optional()
    .describe('which arms, with their controls; absent: leave-one-out without controls'),
  order: z.array(z.string()).optional().describe('of the ladder’s rungs; by default that of the step'),
  arms: z
    .array(
      z.strictObject({
        name: label,
        set: z.record(z.string(), z.unknown()).default({}).describe('values of the experiment, replaced in this arm'),
        reference: z.string().optional().describe('the arm it is compared with'),
        tuned: z
          .strictObject({
            trials: count.describe('settings that were tried'),
            edge: z.boolean().default(false).describe('whether the best learning rate was at the edge of the search'),
          })
          .optional()
          .describe('how its hyperparameters were found'),
      }),
    )
    .optional()
    .describe('arms of your own'),
  controls: z
    .array(z.enum(['aa', 'twice']))
    .optional()
    .describe('aa: the full optimizer on other seeds; twice: the first seed again; both where there is a design'),
  alpha: share.default(0.05).describe('error rate of the tests, after Holm’s correction'),
  delta: share.default(0.002).describe('differences of top-1 below this count as none; 0.002 is 0.2 points'),
  target: share.optional().describe('held-out top-1 whose first step is the time to target'),
  tier: z
    .enum(['T0', 'T1', 'T2'])
    .default('T0')
    .describe('T0: shared hyperparameters; T1: the same search budget for each headline arm; T2: learning-rate lines'),
  search: searchSchema.optional().describe('how T1 and T2 choose hyperparameters, and what `ranger21 sweep` tries'),
  headline: z
    .string()
    .optional()
    .describe('arm the full optimizer is compared with; adamw-tuned where there is one, else adamw+sched'),
});

/** Each block of a config by itself. */
export const blocks = z.strictObject({
  name: label.describe('of the run’s folder; by default the file’s name'),
  model: choice<ModelName>(models),
  dataset: choice<DatasetName>(datasets),
  optimizer: optimizerSchema,
  train,
  eval: evaluation.prefault({}),
  log: log.prefault({}),
  checkpoint: checkpoint.prefault({}),
  stop: stop.prefault({}),
  seed: seed.default(0),
  study: study.optional(),
  expect: expectSchema
    .optional()
    .describe('what a run is known to give; a config that extends this one does not inherit it'),
});

/** A whole experiment: every block valid, and no conflict between them. */
export const experimentSchema = blocks.superRefine((experiment, context) => {
  for (const { path, message } of conflicts(experiment)) context.addIssue({ code: 'custom', path: [...path], message });
});

export type Experiment = z.output<typeof experimentSchema>;
export type StudyBlock = z.output<typeof study>;
