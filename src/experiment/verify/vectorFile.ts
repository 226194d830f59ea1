/**
 * Files of optimizer test vectors: `<x>_problem` holds parameters and the gradients of every step, `<x>_cases` the
 * options of each case and the parameters that must follow after every step. The options are those of the generator
 * (test/fixtures/ranger21-vectors.py); here they become an OptimizerConfig.
 */
import { z } from 'zod';
import { UserError } from '../../errors.ts';
import type { RunLength } from '../../optim/component.ts';
import type { OptimizerConfig } from '../../optim/config.ts';
import { sizeOf } from '../../tensor/compile.ts';
import type { Role } from '../../tensor/units.ts';

const numbers = z.array(z.number());
const byName = z.record(z.string(), numbers);

const problemSchema = z.object({
  params: z
    .array(z.object({ name: z.string(), role: z.string(), shape: z.array(z.int().positive()), value: numbers }))
    .min(1),
  gradients: z.array(byName).min(1),
});
type Problem = z.output<typeof problemSchema>;

const referenceSchema = z.strictObject({
  lr: z.number().default(1e-3),
  beta1: z.number().default(0.9),
  beta2: z.number().default(0.999),
  eps: z.number().default(1e-8),
  weight_decay: z.number().default(1e-4),
  num_epochs: z.int().positive().default(3),
  num_batches_per_epoch: z.int().positive().default(4),
  agc: z.boolean().default(true),
  agc_clip: z.number().default(1e-2),
  agc_eps: z.number().default(1e-3),
  gc: z.boolean().default(true),
  normgc: z.boolean().default(true),
  normalize_passes: z.union([z.literal(1), z.literal(2)]).default(2),
  momentum: z.enum(['pnm', 'ema', 'adam']).default('pnm'),
  pnm_factor: z.number().default(1),
  noise_norm_from: z.enum(['beta2', 'factor']).default('beta2'),
  amsgrad: z.boolean().default(false),
  adabelief: z.boolean().default(false),
  softplus: z.boolean().default(true),
  beta_softplus: z.number().default(50),
  decay: z.enum(['stable', 'decoupled', 'none']).default('stable'),
  normloss: z.boolean().default(true),
  normloss_factor: z.number().default(1e-4),
  warmup: z.boolean().default(true),
  num_warmup: z.number().nullable().default(null),
  warmup_pct: z.number().default(0.22),
  warmdown: z.boolean().default(true),
  warmdown_start_pct: z.number().default(0.72),
  warmdown_min_lr: z.number().default(3e-5),
  lookahead: z.boolean().default(true),
  lookahead_k: z.number().default(5),
  lookahead_alpha: z.number().default(0.5),
  madgrad: z.boolean().default(false),
  madgrad_momentum: z.number().default(0.9),
  legacy_scope: z.boolean().default(false),
  variance_sum_init: z.number().default(0),
});

const paperSchema = z.strictObject({
  lr: z.number().default(1e-3),
  beta0: z.number().default(0.9),
  beta1: z.number().default(0.9),
  beta2: z.number().default(0.999),
  eps: z.number().default(1e-8),
  weight_decay: z.number().default(1e-4),
  total: z.int().positive().default(12),
  agc: z.boolean().default(true),
  agc_clip: z.number().default(1e-2),
  agc_eps: z.number().default(1e-3),
  gc: z.boolean().default(true),
  normgc: z.boolean().default(false),
  pnm: z.boolean().default(true),
  amsgrad: z.boolean().default(true),
  normloss: z.boolean().default(true),
  stable: z.boolean().default(true),
  warmup: z.boolean().default(true),
  warmdown: z.boolean().default(true),
  lookahead: z.boolean().default(true),
  lookahead_k: z.number().default(5),
  lookahead_beta: z.number().default(0.5),
});

const caseSchema = z.object({
  semantics: z.enum(['reference', 'paper']),
  config: z.record(z.string(), z.unknown()),
  steps: z.array(z.object({ lr: z.number().optional(), merged: z.boolean().optional(), params: byName })).min(1),
});

const defaultsSchema = z.record(z.string(), z.unknown()).default({});
const fileSchema = z
  .object({ reference_defaults: defaultsSchema, paper_defaults: defaultsSchema })
  .catchall(z.unknown());

/** What one case of `verify optimizer` replays: gradients in, and the parameters that must follow after every step. */
export interface VectorCase {
  readonly group: string;
  readonly name: string;
  readonly problem: {
    readonly params: readonly {
      readonly name: string;
      readonly role: string;
      readonly shape: readonly number[];
      readonly value: ArrayLike<number>;
    }[];
    readonly gradients: readonly Readonly<Record<string, ArrayLike<number>>>[];
  };
  readonly steps: readonly {
    readonly lr?: number | undefined;
    readonly merged?: boolean | undefined;
    readonly params: Readonly<Record<string, ArrayLike<number>>>;
  }[];
  readonly config: OptimizerConfig;
  readonly run: RunLength;
}

/** Every case of a vector file, or a UserError that says where it is not of that format. */
export function parseVectors(text: string, file: string): VectorCase[] {
  const invalid = (path: readonly PropertyKey[], message: string, cause?: unknown): UserError =>
    new UserError(`${file} is not a file of optimizer vectors: ${pathName(path)}${message}`, {
      remedy: 'write it with test/fixtures/ranger21-vectors.py, or see there for the format',
      cause,
    });
  const parse = <S extends z.ZodType>(schema: S, value: unknown, path: readonly PropertyKey[]): z.output<S> => {
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    const issue = result.error.issues[0]!;
    throw invalid([...path, ...issue.path], issue.message, result.error);
  };
  const expect = (holds: boolean, path: readonly PropertyKey[], message: string): void => {
    if (!holds) throw invalid(path, message);
  };

  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw invalid([], (error as Error).message, error);
  }
  const doc = parse(fileSchema, json, []);
  const groups = Object.keys(doc).filter((key) => key.endsWith('_cases'));
  expect(groups.length > 0, [], 'no key ends in _cases');

  const all = groups.flatMap((key) => {
    const group = key.slice(0, -'_cases'.length);
    const problem = parse(problemSchema, doc[`${group}_problem`], [`${group}_problem`]);
    checkProblem(problem, [`${group}_problem`], expect);
    const cases = parse(z.record(z.string(), z.unknown()), doc[key], [key]);
    return Object.entries(cases).map(([name, value]): VectorCase => {
      const { semantics, config, steps } = parse(caseSchema, value, [key, name]);
      expect(
        steps.length <= problem.gradients.length,
        [key, name, 'steps'],
        `${steps.length} steps, but gradients of ${problem.gradients.length}`,
      );
      steps.forEach(({ params }, i) => checkNamed(problem, params, [key, name, 'steps', i, 'params'], expect));
      const at = [key, name, 'config'];
      const translated =
        semantics === 'paper'
          ? fromPaper(parse(paperSchema, { ...doc.paper_defaults, ...config }, at))
          : fromReference(parse(referenceSchema, { ...doc.reference_defaults, ...config }, at));
      return { group, name, problem, steps, ...translated };
    });
  });
  expect(all.length > 0, [], 'no case in any of its _cases');
  return all;
}

type Expect = (holds: boolean, path: readonly PropertyKey[], message: string) => void;

function checkProblem(problem: Problem, path: readonly PropertyKey[], expect: Expect): void {
  problem.params.forEach(({ name, shape, value }, i) => {
    const size = sizeOf(shape);
    const message = `${value.length} numbers for ${name} of shape [${shape.join(', ')}], not ${size}`;
    expect(value.length === size, [...path, 'params', i, 'value'], message);
  });
  problem.gradients.forEach((grads, i) => checkNamed(problem, grads, [...path, 'gradients', i], expect));
}

function checkNamed(
  { params }: Problem,
  values: Record<string, number[]>,
  path: readonly PropertyKey[],
  expect: Expect,
) {
  for (const { name, value } of params) {
    const found = values[name]?.length;
    expect(found === value.length, [...path, name], `${value.length} numbers expected, found ${found ?? 'none'}`);
  }
}

/** `dense_cases["alone/agc"].steps[3].params.kernel: ` */
const pathName = (path: readonly PropertyKey[]): string => {
  const parts = path.map((key, i) => {
    if (typeof key === 'number') return `[${key}]`;
    const text = String(key);
    return /^\w+$/.test(text) ? `${i === 0 ? '' : '.'}${text}` : `[${JSON.stringify(text)}]`;
  });
  return parts.length === 0 ? '' : `${parts.join('')}: `;
};

/** What a role of the file is here; the rest follows from the rank, as in the generator. */
export const roleIn = (role: string, shape: readonly number[]): Role => {
  if (shape.length <= 1) return 'vector';
  return role === 'embedding' || role === 'depthwise' ? role : shape.length === 2 ? 'dense' : 'conv';
};

const noExclusions = { exclude: [] };
/** The generator has none of the guards. */
const unlimited = 1e30;

function fromReference(c: z.output<typeof referenceSchema>): Pick<VectorCase, 'config' | 'run'> {
  const { lr, beta1, beta2, eps, amsgrad, adabelief } = c;
  const config: OptimizerConfig = {
    name: 'ranger21',
    semantics: 'reference',
    core: c.madgrad
      ? { name: 'madgrad', momentum: c.madgrad_momentum, beta2, eps: 0 }
      : { name: 'adamw', beta1, beta2, eps, amsgrad, adabelief },
    lr,
    weightDecay: c.decay === 'none' ? 0 : c.weight_decay,
    decay: { tensors: c.legacy_scope ? 'last' : 'all', policy: 'all', ...noExclusions },
    chebyshev: false,
    rank3Norm: 'input',
    components: {
      agc: c.agc && { clip: c.agc_clip, eps: c.agc_eps, ...noExclusions },
      gc: c.gc && { convOnly: false, ...noExclusions },
      gradnorm: c.normgc && { eps: 1e-8, passes: c.normalize_passes },
      pnm: c.momentum === 'pnm' && !c.madgrad && { factor: c.pnm_factor, noiseNorm: c.noise_norm_from },
      softplus: c.softplus && { beta: c.beta_softplus },
      swd: c.decay === 'stable' && {
        scope: 'global',
        of: 'variance',
        sumStart: c.variance_sum_init,
        limit: unlimited,
      },
      normloss: c.normloss && { form: 'independent', factor: c.normloss_factor, eps, ...noExclusions },
      warmup: c.warmup && { rule: 'threshold', steps: c.num_warmup, share: c.warmup_pct },
      warmdown: c.warmdown && {
        rule: 'steps',
        start: c.warmdown_start_pct,
        minLr: c.warmdown_min_lr,
        floor: 'literal',
      },
      lookahead: c.lookahead && { k: Math.max(1, Math.ceil(c.lookahead_k)), alpha: c.lookahead_alpha },
    },
  };
  return { config, run: { epochs: c.num_epochs, stepsPerEpoch: c.num_batches_per_epoch } };
}

function fromPaper(c: z.output<typeof paperSchema>): Pick<VectorCase, 'config' | 'run'> {
  const { lr, beta1, beta2, eps, amsgrad } = c;
  const config: OptimizerConfig = {
    name: 'ranger21',
    semantics: 'paper',
    core: { name: 'adamw', beta1, beta2, eps, amsgrad, adabelief: false },
    lr,
    weightDecay: c.weight_decay,
    decay: { tensors: 'all', policy: 'all', ...noExclusions },
    chebyshev: false,
    rank3Norm: 'all',
    components: {
      agc: c.agc && { clip: c.agc_clip, eps: c.agc_eps, ...noExclusions },
      gc: c.gc && { convOnly: false, ...noExclusions },
      gradnorm: c.normgc && { eps: 1e-8, passes: 1 },
      pnm: c.pnm && { factor: c.beta0, noiseNorm: 'factor' },
      softplus: false,
      swd: c.stable && { scope: 'tensor', of: 'maximum', sumStart: 0, limit: unlimited },
      normloss: c.normloss && { form: 'product', factor: null, eps: 0, ...noExclusions },
      warmup: c.warmup && { rule: 'minimum', steps: null, share: 0.22 },
      warmdown: c.warmdown && { rule: 'share', start: 0.72, minLr: 0, floor: 'none' },
      lookahead: c.lookahead && { k: Math.max(1, Math.ceil(c.lookahead_k)), alpha: 1 - c.lookahead_beta },
    },
  };
  return { config, run: { epochs: 1, stepsPerEpoch: c.total } };
}
