/** The learning rate of every step of a run, and what is worth knowing about it beforehand. */
import { chebyshev } from './chebyshev.ts';
import type { RunLength } from './component.ts';
import { components } from './components/registry.ts';
import { warmdownStart } from './components/warmdown.ts';
import { warmupSteps } from './components/warmup.ts';
import type { OptimizerConfig } from './config.ts';

/** η_t, from t = 1: warm-up, then Chebyshev multipliers, then warm-down, each given the rate the one before it made. */
export function learningRate(config: OptimizerConfig, run: RunLength): (t: number) => number {
  const { lr, core, components: on } = config;
  const context = { ...run, lr, beta2: core.beta2 };
  const stages = [
    ...(on.warmup ? [components.warmup.build(on.warmup)(context)] : []),
    ...(config.chebyshev ? [chebyshev(run, milestones(config, run).warmupEnd)] : []),
    ...(on.warmdown ? [components.warmdown.build(on.warmdown)(context)] : []),
  ];
  return (t) => stages.reduce((rate, stage) => stage(t, rate), lr);
}

export interface Milestones {
  readonly total: number;
  /** First step at the full rate; 0 without a warm-up. */
  readonly warmupEnd: number;
  /** First step at a lowered rate; undefined without a warm-down. */
  readonly warmdownStart: number | undefined;
}

export function milestones({ core, components: on }: OptimizerConfig, run: RunLength): Milestones {
  return {
    total: run.epochs * run.stepsPerEpoch,
    warmupEnd: on.warmup ? warmupSteps(on.warmup, { ...run, beta2: core.beta2 }) : 0,
    warmdownStart: on.warmdown ? Math.max(1, warmdownStart(on.warmdown, run)) : undefined, // in a run of one step the rule says 0
  };
}

/** What a config asks that a run of this length cannot give, with the key it is about. */
export function runProblems(
  config: OptimizerConfig,
  run: RunLength,
): { readonly path: readonly string[]; readonly message: string; readonly remedy: string }[] {
  const { total, warmupEnd, warmdownStart: down } = milestones(config, run);
  const tooLong = down !== undefined && warmupEnd > down;
  return [
    ...(tooLong
      ? [
          {
            path: ['components', 'warmup'],
            message: `the warm-up ends at step ${warmupEnd}, after the warm-down starts (step ${down} of ${total})`,
            remedy: 'train longer, shorten components.warmup.steps, or switch one of the two off',
          },
        ]
      : []),
    ...(config.chebyshev && run.epochs < 3
      ? [
          {
            path: ['chebyshev'],
            message: `Chebyshev multipliers need at least 3 epochs, this run has ${run.epochs}`,
            remedy: 'train longer, or set chebyshev: false',
          },
        ]
      : []),
  ];
}
