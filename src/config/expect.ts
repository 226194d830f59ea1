/** What a config is known to give, and where that is from: the `expect` block. */
import { z } from 'zod';
import { datasets } from '../data/registry.ts';
import type { Path } from './problem.ts';
import type { Experiment } from './schema.ts';

const share = z.number().min(0).max(1);
const bounds = (of: z.ZodNumber) =>
  z.strictObject({ atLeast: of.optional(), atMost: of.optional() }).describe('of every run, whatever its seed');

export const expectSchema = z.strictObject({
  testTop1: bounds(share).optional().describe('share of the held-out images that the last evaluation gets right'),
  bestTop1: bounds(share).optional().describe('the same of the best evaluation'),
  testTop5: bounds(share)
    .optional()
    .describe('share with the right class among the first five, in the last evaluation'),
  testLoss: bounds(z.number().min(0)).optional().describe('loss of the last evaluation'),
  source: z.string().min(1).describe('where the figures come from'),
});

export type Expect = z.output<typeof expectSchema>;
export const expectedMetrics = [
  'testTop1',
  'bestTop1',
  'testTop5',
  'testLoss',
] as const satisfies readonly (keyof Expect)[];

/** From so many classes on an evaluation has a top-5. */
export const classesOfTop5 = 100;

/** What is wrong with it as a whole. */
export function* expectConflicts({
  expect,
  dataset,
}: Partial<Pick<Experiment, 'expect' | 'dataset'>>): Generator<{ path: Path; message: string }> {
  if (!expect) return;
  const classes = dataset && datasets[dataset.name].facts(dataset).classes;
  if (expect.testTop5 && classes !== undefined && classes < classesOfTop5) {
    const message = `top-5 is measured from ${classesOfTop5} classes on, and ${dataset!.name} has ${classes}`;
    yield { path: ['expect', 'testTop5'], message };
  }
  const given = expectedMetrics.filter((metric) => expect[metric] !== undefined);
  if (given.length === 0) yield { path: ['expect'], message: `expects nothing: give ${expectedMetrics.join(', ')}` };
  for (const metric of given) {
    const { atLeast, atMost } = expect[metric]!;
    if (atLeast === undefined && atMost === undefined) {
      yield { path: ['expect', metric], message: 'give atLeast, atMost or both' };
    } else if (atLeast !== undefined && atMost !== undefined && atLeast > atMost) {
      yield { path: ['expect', metric], message: `nothing is at least ${atLeast} and at most ${atMost}` };
    }
  }
}
