/** The reference constructor's options, by their names in camel case, as a config. */
import type { z } from 'zod';
import { UserError } from '../errors.ts';
import type { Role, UnitAxes } from '../tensor/units.ts';
import type { RunLength } from './component.ts';
import type { ComponentName } from './components/registry.ts';
import { optimizerSchema, type OptimizerConfig } from './config.ts';
import { runProblems } from './schedule.ts';
import { semantics as presets, type Preset, type Semantics } from './semantics.ts';

/**
 * Options of `Ranger21`. Each name of the reference constructor is here in camel case (`lookahead_mergetime` →
 * `lookaheadMergetime`); what is left out has the value of the semantics. `params` has no counterpart: TensorFlow.js
 * hands the variables over with their gradients.
 */
export interface Ranger21Options {
  /** Peak learning rate. */
  lr: number;
  /** Where options that are not given come from. */
  semantics?: Semantics | undefined;
  /** Length of the run: epochs × batches, or the product. Needed by the warm-down and the automatic warm-up. */
  numEpochs?: number | undefined;
  numBatchesPerEpoch?: number | undefined;
  totalIterations?: number | undefined;
  betas?: readonly [number, number] | undefined;
  eps?: number | undefined;
  weightDecay?: number | undefined;
  /** `decoupled` is AdamW's. */
  decayType?: 'stable' | 'decoupled' | undefined;
  stableDecayScope?: 'global' | 'tensor' | undefined;
  /** `kernels`: no decay and norm loss on tensors of rank below 2. */
  decayPolicy?: 'all' | 'kernels' | undefined;
  useAdaptiveGradientClipping?: boolean | undefined;
  agcClippingValue?: number | undefined;
  agcEps?: number | undefined;
  usingGc?: boolean | undefined;
  gcConvOnly?: boolean | undefined;
  usingNormgc?: boolean | undefined;
  normalizePasses?: 1 | 2 | undefined;
  momentumType?: 'pnm' | 'adam' | undefined;
  pnmMomentumFactor?: number | undefined;
  pnmNoiseNorm?: 'beta2' | 'factor' | undefined;
  softplus?: boolean | undefined;
  betaSoftplus?: number | undefined;
  amsgrad?: boolean | undefined;
  useAdabelief?: boolean | undefined;
  normlossActive?: boolean | undefined;
  normlossFactor?: number | undefined;
  useWarmup?: boolean | undefined;
  /** null is no warm-up. */
  warmupType?: 'linear' | null | undefined;
  numWarmupIterations?: number | null | undefined;
  warmupPctDefault?: number | undefined;
  warmdownActive?: boolean | undefined;
  warmdownStartPct?: number | undefined;
  warmdownMinLr?: number | undefined;
  useCheb?: boolean | undefined;
  lookaheadActive?: boolean | undefined;
  lookaheadMergetime?: number | undefined;
  /** Weight of the fast weights. */
  lookaheadBlendingAlpha?: number | undefined;
  /** Only false: call useSlowWeights() and restoreFastWeights() around an evaluation. */
  lookaheadLoadAtValidation?: false | undefined;
  /** The MADGRAD core, which has no momentum slot: PNM is off unless asked for, and then an error. */
  useMadgrad?: boolean | undefined;
  /** MADGRAD's. */
  momentum?: number | undefined;
  /** Calls `onStep` with the components' meters after every step. */
  loggingActive?: boolean | undefined;
  /** Parameters by name, * matching anything, that a component or weight decay leaves alone. */
  exclude?: { readonly [What in 'agc' | 'gc' | 'decay' | 'normloss']?: readonly string[] } | undefined;
  onStep?: ((step: number, lr: number, meters: Readonly<Record<string, number>>) => void) | undefined;
  /** What a variable is, or its unit axes outright; undefined leaves it to its name and rank. Not in getConfig(). */
  unitAxes?: ((name: string, shape: readonly number[]) => Role | UnitAxes | undefined) | undefined;
}

/** Every option name; the record type makes the list complete. */
const known: Readonly<Record<keyof Ranger21Options, true>> = {
  lr: true,
  semantics: true,
  numEpochs: true,
  numBatchesPerEpoch: true,
  totalIterations: true,
  betas: true,
  eps: true,
  weightDecay: true,
  decayType: true,
  stableDecayScope: true,
  decayPolicy: true,
  useAdaptiveGradientClipping: true,
  agcClippingValue: true,
  agcEps: true,
  usingGc: true,
  gcConvOnly: true,
  usingNormgc: true,
  normalizePasses: true,
  momentumType: true,
  pnmMomentumFactor: true,
  pnmNoiseNorm: true,
  softplus: true,
  betaSoftplus: true,
  amsgrad: true,
  useAdabelief: true,
  normlossActive: true,
  normlossFactor: true,
  useWarmup: true,
  warmupType: true,
  numWarmupIterations: true,
  warmupPctDefault: true,
  warmdownActive: true,
  warmdownStartPct: true,
  warmdownMinLr: true,
  useCheb: true,
  lookaheadActive: true,
  lookaheadMergetime: true,
  lookaheadBlendingAlpha: true,
  lookaheadLoadAtValidation: true,
  useMadgrad: true,
  momentum: true,
  loggingActive: true,
  exclude: true,
  onStep: true,
  unitAxes: true,
};

/** The config and run length that options mean, with warnings about what the semantics overrules; or a UserError. */
export function fromOptions(o: Ranger21Options): { config: OptimizerConfig; run: RunLength; warnings: string[] } {
  rejectUnsupported(o);
  const semantics = o.semantics ?? 'reference';
  const { pnmFactor, components: preset = {} }: Partial<Preset> = presets[semantics] ?? {};
  /** A switch: what it is given, its options where it is on. */
  const toggle = (component: ComponentName, on: boolean | undefined, options: object) => {
    const isOn = on ?? preset[component] !== false;
    return isOn ? options : false;
  };
  const ignoresFactor = pnmFactor !== undefined && (o.pnmMomentumFactor ?? pnmFactor) !== pnmFactor;
  const [beta1, beta2] = o.betas ?? [];
  const pnmOn = o.momentumType === undefined ? !o.useMadgrad : o.momentumType === 'pnm';

  const config = parse({
    name: 'ranger21',
    semantics,
    core: o.useMadgrad
      ? { name: 'madgrad', momentum: o.momentum, beta2, eps: o.eps }
      : { name: 'adamw', beta1, beta2, eps: o.eps, amsgrad: o.amsgrad, adabelief: o.useAdabelief },
    lr: o.lr,
    weightDecay: o.weightDecay,
    decay: { policy: o.decayPolicy, exclude: o.exclude?.decay },
    chebyshev: o.useCheb,
    components: {
      agc: toggle('agc', o.useAdaptiveGradientClipping, {
        clip: o.agcClippingValue,
        eps: o.agcEps,
        exclude: o.exclude?.agc,
      }),
      gc: toggle('gc', o.usingGc, { convOnly: o.gcConvOnly, exclude: o.exclude?.gc }),
      gradnorm: toggle('gradnorm', o.usingNormgc, { passes: o.normalizePasses }),
      pnm: toggle('pnm', pnmOn, {
        factor: ignoresFactor ? undefined : o.pnmMomentumFactor,
        noiseNorm: o.pnmNoiseNorm,
      }),
      softplus: toggle('softplus', o.softplus, { beta: o.betaSoftplus }),
      swd: toggle('swd', o.decayType === undefined ? undefined : o.decayType === 'stable', {
        scope: o.stableDecayScope,
      }),
      normloss: toggle('normloss', o.normlossActive, {
        factor: o.normlossFactor,
        eps: o.eps,
        exclude: o.exclude?.normloss,
      }),
      warmup: toggle('warmup', o.warmupType === null ? false : o.useWarmup, {
        steps: o.numWarmupIterations,
        share: o.warmupPctDefault,
      }),
      warmdown: toggle('warmdown', o.warmdownActive, { start: o.warmdownStartPct, minLr: o.warmdownMinLr }),
      lookahead: toggle('lookahead', o.lookaheadActive, { k: o.lookaheadMergetime, alpha: o.lookaheadBlendingAlpha }),
    },
  });
  const run = runLength(o, config);
  for (const { message, remedy } of runProblems(config, run)) throw new UserError(message, { remedy });
  const warnings = ignoresFactor
    ? [`${semantics} ignores pnmMomentumFactor, as the code it reproduces does: it is ${pnmFactor}`]
    : [];
  return { config, run, warnings };
}

/** Options of `AdamW`, with the defaults of PyTorch's. */
export interface AdamWOptions {
  lr: number;
  betas?: readonly [number, number] | undefined;
  eps?: number | undefined;
  weightDecay?: number | undefined;
  amsgrad?: boolean | undefined;
  decayPolicy?: 'all' | 'kernels' | undefined;
  exclude?: { readonly decay?: readonly string[] } | undefined;
}

export function fromAdamWOptions(o: AdamWOptions): { config: OptimizerConfig; run: RunLength } {
  const names: readonly string[] = ['lr', 'betas', 'eps', 'weightDecay', 'amsgrad', 'decayPolicy', 'exclude'];
  rejectUnknown(o, names);
  rejectMalformed(o, ['decay']);
  const [beta1, beta2] = o.betas ?? [];
  const config = parse({
    name: 'adamw',
    core: { name: 'adamw', beta1, beta2, eps: o.eps, amsgrad: o.amsgrad },
    lr: o.lr,
    weightDecay: o.weightDecay,
    decay: { policy: o.decayPolicy, exclude: o.exclude?.decay },
  });
  return { config, run: { epochs: 1, stepsPerEpoch: 1 } };
}

function parse(written: Readonly<Record<string, unknown>>): OptimizerConfig {
  if (written['lr'] === undefined) {
    throw new UserError('lr is required', { remedy: 'give the peak learning rate, such as { lr: 1e-3 }' });
  }
  const result = optimizerSchema.safeParse(written);
  if (result.success) return result.data;
  const issues = result.error.issues.flatMap((issue) => innermost(issue));
  throw new UserError(`these options do not fit together: ${issues.join('; ')}`, {
    remedy: 'see `ranger21 components` for what each option takes',
    cause: result.error,
  });
}

/** What is wrong inside the alternative that comes closest: the one whose complaint lies deepest. */
function innermost({ path, message, ...issue }: z.core.$ZodIssue, outer: readonly PropertyKey[] = []): string[] {
  const here = [...outer, ...path];
  if (issue.code !== 'invalid_union') return [`${here.join('.')}: ${message}`];
  const depth = (issues: readonly z.core.$ZodIssue[]): number =>
    Math.max(...issues.map((inner) => inner.path.length + (inner.code === 'invalid_union' ? 1 : 0)));
  const closest = [...issue.errors].sort((a, b) => depth(b) - depth(a))[0] ?? [];
  return closest.flatMap((inner) => innermost(inner, here));
}

function rejectUnknown(options: object, names: readonly string[]): void {
  const unknown = Object.keys(options).filter((name) => !names.includes(name));
  if (unknown.length === 0) return;
  throw new UserError(`unknown option ${unknown.join(', ')}`, { remedy: `known options: ${names.join(', ')}` });
}

/** What plain JavaScript may give and destructuring would pass over. */
function rejectMalformed({ betas, exclude }: AdamWOptions | Ranger21Options, excludable: readonly string[]): void {
  if (betas !== undefined && !(Array.isArray(betas) && betas.length === 2)) {
    throw new UserError(`betas is ${JSON.stringify(betas)}`, { remedy: 'give both, such as [0.9, 0.999]' });
  }
  const unknown = Object.keys(exclude ?? {}).filter((what) => !excludable.includes(what));
  if (unknown.length > 0) {
    throw new UserError(`nothing is called ${unknown.join(', ')} in exclude`, {
      remedy: `it takes ${excludable.join(', ')}`,
    });
  }
}

function rejectUnsupported(o: Ranger21Options): void {
  rejectUnknown(o, Object.keys(known));
  rejectMalformed(o, ['agc', 'gc', 'decay', 'normloss']);
  if (o.lookaheadLoadAtValidation) {
    throw new UserError('lookaheadLoadAtValidation is not done behind your back', {
      remedy: 'call useSlowWeights() before and restoreFastWeights() after an evaluation',
    });
  }
  const oneOf = (name: string, value: unknown, values: readonly unknown[]) => {
    if (value === undefined || values.includes(value)) return;
    const list = values.map((v) => JSON.stringify(v)).join(' or ');
    throw new UserError(`${name} is ${JSON.stringify(value)}`, { remedy: `give ${list}` });
  };
  oneOf('warmupType', o.warmupType, ['linear', null]);
  oneOf('momentumType', o.momentumType, ['pnm', 'adam']);
  oneOf('decayType', o.decayType, ['stable', 'decoupled']);
  if (o.useMadgrad && o.useAdabelief) {
    throw new UserError('MADGRAD has no AdaBelief variant', { remedy: 'set one of useMadgrad and useAdabelief' });
  }
  if (o.loggingActive && !o.onStep) {
    throw new UserError('loggingActive has nowhere to log to', { remedy: 'give onStep: (step, lr, meters) => …' });
  }
}

function runLength(o: Ranger21Options, { components: on, chebyshev }: OptimizerConfig): RunLength {
  const { numEpochs: epochs, numBatchesPerEpoch: stepsPerEpoch, totalIterations } = o;
  for (const [name, value] of Object.entries({
    numEpochs: epochs,
    numBatchesPerEpoch: stepsPerEpoch,
    totalIterations,
  })) {
    if (value !== undefined && (!Number.isInteger(value) || value < 1)) {
      throw new UserError(`${name} is ${value}`, { remedy: 'give a whole number from 1' });
    }
  }
  if (epochs !== undefined && stepsPerEpoch !== undefined) {
    if (totalIterations !== undefined && totalIterations !== epochs * stepsPerEpoch) {
      const message = `totalIterations ${totalIterations} is not numEpochs · numBatchesPerEpoch = ${epochs * stepsPerEpoch}`;
      throw new UserError(message, { remedy: 'leave one of them out' });
    }
    return { epochs, stepsPerEpoch };
  }
  if (totalIterations !== undefined && !chebyshev) return { epochs: 1, stepsPerEpoch: totalIterations };
  const automatic = on.warmup && on.warmup.steps === null;
  if (automatic || on.warmdown || chebyshev) {
    throw new UserError('the schedule needs the length of the run', {
      remedy: chebyshev
        ? 'give numEpochs and numBatchesPerEpoch'
        : 'give numEpochs and numBatchesPerEpoch, or totalIterations; or set useWarmup and warmdownActive to false',
    });
  }
  return { epochs: 1, stepsPerEpoch: 1 };
}
