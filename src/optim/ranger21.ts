/** The optimizer: gradient → core's moments → decay and update → lookahead, on one page. */
import { sizeOf } from '../tensor/compile.ts';
import { maximum, mul, sub, type Operand, type Tensor, type Tensors } from '../tensor/ops.ts';
import { roleOf, unitAxes, unitNorm, type Role, type UnitAxes } from '../tensor/units.ts';
import type { Gradient, RunLength, Weights } from './component.ts';
import { components } from './components/registry.ts';
import type { OptimizerConfig } from './config.ts';
import { plainDenominator, type BuiltCore, type CoreParts } from './cores/core.ts';
import { cores, type CoreConfig } from './cores/registry.ts';
import { newTally } from './meters.ts';
import { matchesAny } from './names.ts';
import type { Optimizer, Scalars } from './optimizer.ts';
import { learningRate } from './schedule.ts';

/** An optimizer whose parameters may have joined at different steps. */
export interface Ranger21Steps extends Optimizer {
  /** As `scalars(t)`, for a parameter whose step number t is its `own`-th. */
  scalars(t: number, own?: number): Scalars;
  /** As `update`, over the parameters that have a gradient, with scalars that may differ from one to the next. */
  updateEach(
    params: Tensors,
    grads: Tensors,
    state: Tensors,
    scalarsOf: (name: string) => Tensors,
    meters?: Record<string, Tensor>,
  ): { params: Tensors; state: Tensors };
}

/**
 * Builds the optimizer for parameters of these shapes, in this order. `roles` says what a parameter is, or gives its unit
 * axes outright, where its name and shape do not tell.
 *
 * `update` and `merge` return the parameters and state entries that changed; what they leave out stays as it is.
 */
export function buildOptimizer(
  config: OptimizerConfig,
  run: RunLength,
  shapes: Readonly<Record<string, readonly number[]>>,
  roles: Readonly<Record<string, Role | UnitAxes>> = {},
): Ranger21Steps {
  const on = config.components;
  const transforms = [
    ...(on.agc ? [components.agc.build(on.agc)] : []),
    ...(on.gc ? [components.gc.build(on.gc)] : []),
    ...(on.gradnorm ? [components.gradnorm.build(on.gradnorm)] : []),
  ];
  const decayScale = on.swd && config.weightDecay > 0 ? components.swd.build(on.swd) : undefined;
  const pull = on.normloss ? components.normloss.build(on.normloss) : undefined;
  const lookahead = on.lookahead ? components.lookahead.build(on.lookahead) : undefined;
  const core = buildCore(config.core, {
    momentum: on.pnm ? components.pnm.build(on.pnm) : undefined,
    denominator: on.softplus ? components.softplus.build(on.softplus) : plainDenominator,
    needsSecondMoment: decayScale !== undefined,
  });
  const lr = learningRate(config, run);
  const scalars = (t: number, own = t): Scalars => core.scalars(lr(t), t, own);

  const axes = new Map(
    Object.entries(shapes).map(([name, shape]) => {
      const role = roles[name] ?? roleOf(name, shape);
      return [name, typeof role === 'string' ? unitAxes(role, shape, config.rank3Norm) : role];
    }),
  );
  const last = Object.keys(shapes).at(-1);
  const isRegularized = (name: string) =>
    (config.decay.tensors === 'all' || name === last) && (config.decay.policy === 'all' || shapes[name]!.length > 1);
  const decays = (name: string) =>
    config.weightDecay > 0 && isRegularized(name) && !matchesAny(config.decay.exclude, name);
  const decayRate = (step: Tensor, inverse: Tensor | undefined): Operand =>
    inverse ? mul(mul(step, config.weightDecay), inverse) : mul(step, config.weightDecay);
  const floor = decayScale?.floor;

  const updateEach: Ranger21Steps['updateEach'] = (params, grads, state, scalarsOf, meters) => {
    const tally = meters && newTally();
    const parameters = Object.keys(grads).map((name) => {
      const weights = weightsOf(name, params[name]!, axes.get(name)!);
      const whole: Gradient = { value: grads[name]!, factor: 1, centred: false, momentumFactor: 1 };
      const gradient = transforms.reduce((g, transform) => transform(g, weights, tally), whole);
      const scalars = scalarsOf(name);
      return { weights, scalars, moments: core.observe(gradient, slotsOf(state, core, name), scalars, tally) };
    });

    const seconds = parameters.flatMap(({ moments }) => moments.second ?? []);
    const inverse = decayScale?.inverse(seconds, (mean) => core.root(mean), config.weightDecay, tally);

    const moved = parameters.map(({ weights, scalars, moments }, i) => {
      const rate = decays(weights.name) ? decayRate(core.decayRate(scalars), inverse?.[i]) : 0;
      const kept: Operand = rate === 0 ? 1 : sub(1, rate);
      const keep = floor === undefined || kept === 1 ? kept : maximum(kept, floor);
      const at = { lr: scalars['lr']!, rate, keep, floor };
      const decay = pull && isRegularized(weights.name) ? pull(weights, at, tally) : keep;
      const { value, state } = moments.move(weights, decay);
      return { name: weights.name, value, state: { ...moments.state, ...state } };
    });

    if (meters) tally!.into(meters);
    return {
      params: Object.fromEntries(moved.map(({ name, value }) => [name, value])),
      state: Object.fromEntries(
        moved.flatMap(({ name, state }) => Object.entries(state).map(([slot, x]) => [`${slot}/${name}`, x])),
      ),
    };
  };

  return {
    slots: [...core.slots, ...(lookahead ? [{ name: 'slow', from: 'param' } as const] : [])],
    variant: (t) => (lookahead && t % lookahead.k === 0 ? 'merge' : 'step'),
    lr,
    scalars,
    updateEach,
    update: (params, grads, state, scalars, meters) => updateEach(params, grads, state, () => scalars, meters),
    merge(params, state, meters) {
      if (!lookahead) return { params, state: {} };
      const tally = meters && newTally();
      const merged = Object.entries(params).map(
        ([name, fast]) => [name, lookahead.merge(fast, state[`slow/${name}`]!, tally)] as const,
      );
      if (meters) tally!.into(meters);
      return {
        params: Object.fromEntries(merged),
        state: Object.fromEntries(merged.map(([name, x]) => [`slow/${name}`, x])),
      };
    },
  };
}

const buildCore = ({ name, ...options }: CoreConfig, parts: CoreParts): BuiltCore =>
  // the options are this core's by the type CoreConfig, which TypeScript does not follow through the index
  (cores[name].build as (options: unknown, parts: CoreParts) => BuiltCore)(options, parts);

const slotsOf = (state: Tensors, core: BuiltCore, name: string): Tensors =>
  Object.fromEntries(core.slots.map((slot) => [slot.name, state[`${slot.name}/${name}`]!]));

function weightsOf(name: string, value: Tensor, axes: UnitAxes): Weights {
  let norm: Tensor | undefined;
  return {
    name,
    value,
    axes,
    shape: value.shape,
    size: sizeOf(value.shape),
    norm: () => (norm ??= unitNorm(value, axes.norm)),
  };
}
