/**
 * Ranger21 and AdamW as TensorFlow.js optimizers, for any TensorFlow.js program: `model.compile({ optimizer })`,
 * `minimize`, `applyGradients`. Thin adapters over the pure functions of `optim/`.
 *
 *     import * as tf from '@tensorflow/tfjs';
 *     import { Ranger21 } from 'ranger21';
 *     model.compile({ optimizer: new Ranger21({ lr: 1e-3, numEpochs: 10, numBatchesPerEpoch: 100 }), loss: 'meanSquaredError' });
 */
import * as tf from '@tensorflow/tfjs';
import { UserError } from './errors.ts';
import type { RunLength } from './optim/component.ts';
import type { OptimizerConfig } from './optim/config.ts';
import { fromAdamWOptions, fromOptions, type AdamWOptions, type Ranger21Options } from './optim/constructorOptions.ts';
import { buildOptimizer, type Ranger21Steps } from './optim/ranger21.ts';
import { milestones } from './optim/schedule.ts';
import { roleOf } from './tensor/units.ts';

export type { AdamWOptions, Ranger21Options } from './optim/constructorOptions.ts';

/** State of one variable: how many steps it has taken, and a variable for each slot. */
interface VariableState {
  steps: number;
  readonly slots: Record<string, tf.Variable>;
}
type NamedTensor = Parameters<tf.Optimizer['setWeights']>[0][number];
type Hooks = Pick<Ranger21Options, 'unitAxes' | 'onStep' | 'loggingActive'>;

/** Applies the pure optimizer to registered variables, with state kept by variable name. */
abstract class VariableOptimizer extends tf.Optimizer {
  private readonly states = new Map<string, VariableState>();
  private built: { readonly variables: number; readonly optimizer: Ranger21Steps } | undefined;
  private fastWeights: Map<string, tf.Tensor> | undefined;
  private warnedOfEnd = false;
  private readonly config: OptimizerConfig;
  private readonly run: RunLength;
  private readonly hooks: Hooks;

  constructor(config: OptimizerConfig, run: RunLength, hooks: Hooks) {
    super();
    this.config = config;
    this.run = run;
    this.hooks = hooks;
  }

  /** Learning rate of the last step taken, or of the first before it is taken. */
  get currentLearningRate(): number {
    return this.optimizer().lr(Math.max(1, this.iterations));
  }

  /** Variables that have no gradient are skipped. The gradients stay the caller's. */
  applyGradients(variableGradients: tf.NamedTensorMap | NamedTensor[]): void {
    if (this.fastWeights) {
      throw new UserError('the slow weights are loaded', { remedy: 'call restoreFastWeights() before the next step' });
    }
    const pairs: [string, tf.Tensor | undefined | null][] = Array.isArray(variableGradients)
      ? variableGradients.map(({ name, tensor }) => [name, tensor])
      : Object.entries(variableGradients);
    const grads = Object.fromEntries(pairs.filter((pair): pair is [string, tf.Tensor] => pair[1] != null));
    const meters: Record<string, tf.Tensor> | undefined =
      this.hooks.loggingActive || this.hooks.onStep ? {} : undefined;
    const t = this.iterations + 1;

    tf.tidy(() => {
      const names = Object.keys(grads);
      this.adoptRestored(names);
      for (const name of names) this.stateOf(name).steps++;
      const optimizer = this.optimizer();

      const state = this.slotTensors(names);
      const params = Object.fromEntries(names.map((name) => [name, variableOf(name).clone()]));
      const scalars = new Map<number, tf.NamedTensorMap>();
      const scalarsOf = (name: string) => {
        const own = this.stateOf(name).steps;
        if (!scalars.has(own)) scalars.set(own, scalarTensors(optimizer.scalars(t, own)));
        return scalars.get(own)!;
      };
      this.assign(optimizer.updateEach(params, grads, state, scalarsOf, meters));

      if (optimizer.variant(t) === 'merge') {
        const all = [...this.states.keys()];
        const fast = Object.fromEntries(all.map((name) => [name, variableOf(name).clone()]));
        this.assign(optimizer.merge(fast, this.slotTensors(all), meters));
      }
      for (const meter of Object.values(meters ?? {})) tf.keep(meter);
    });
    this.incrementIterations();
    this.warnPastTheEnd(t);
    if (meters) void this.report(t, meters);
  }

  /** Loads the slow weights into the variables; restoreFastWeights() brings the fast ones back. Repeating it does nothing. */
  useSlowWeights(): void {
    if (!this.config.components.lookahead) {
      throw new UserError('there are no slow weights', { remedy: 'switch lookahead on' });
    }
    if (this.fastWeights) return;
    this.fastWeights = new Map();
    for (const [name, { slots }] of this.states) {
      const variable = variableOf(name);
      this.fastWeights.set(name, tf.keep(variable.clone()));
      tf.tidy(() => variable.assign(slots['slow']!.clone()));
    }
  }

  restoreFastWeights(): void {
    for (const [name, fast] of this.fastWeights ?? []) {
      variableOf(name).assign(fast);
      fast.dispose();
    }
    this.fastWeights = undefined;
  }

  /** Makes the current weights the slow ones, as after loading other weights into the model. */
  resetLookahead(): void {
    for (const [name, { slots }] of this.states) tf.tidy(() => slots['slow']?.assign(variableOf(name).clone()));
  }

  /**
   * The number of steps, then each variable's own, then slot by slot each variable's state, as `variable/slot`. The
   * state tensors are the live ones: copy them before the next step.
   */
  override async getWeights(): Promise<NamedTensor[]> {
    const states = [...this.states];
    const counts = states.map(([name, { steps }]) => ({ name: `${name}/steps`, tensor: tf.scalar(steps, 'int32') }));
    const slots = this.optimizer().slots.flatMap((slot) =>
      states.map(([name, state]) => ({ name: `${name}/${slot.name}`, tensor: state.slots[slot.name] as tf.Tensor })),
    );
    return [await this.saveIterations(), ...counts, ...slots];
  }

  /** Takes what getWeights() gave; copies it. */
  override async setWeights(weightValues: NamedTensor[]): Promise<void> {
    const known = new Set(['steps', ...this.optimizer().slots.map(({ name }) => name)]);
    const values = await this.extractIterations(weightValues);
    this.disposeState();
    for (const { name, tensor } of values) {
      const [, variable = '', slot = ''] = /^(.*)\/([^/]+)$/.exec(name) ?? [];
      if (!known.has(slot)) {
        throw new UserError(`optimizer weight ${name} belongs to other options`, {
          remedy: `build the optimizer with the options it was saved with; its slots are ${[...known].join(', ')}`,
        });
      }
      const state = this.states.get(variable) ?? { steps: 0, slots: {} };
      this.states.set(variable, state);
      if (slot === 'steps') state.steps = (await tensor.data())[0]!;
      else state.slots[slot] = tf.tidy(() => tf.variable(tensor.clone(), false));
    }
  }

  override dispose(): void {
    this.disposeState();
    for (const fast of this.fastWeights?.values() ?? []) fast.dispose();
    this.fastWeights = undefined;
  }

  private disposeState(): void {
    for (const { slots } of this.states.values()) tf.dispose(slots);
    this.states.clear();
    this.built = undefined;
  }

  /** The pure optimizer for the variables seen so far. */
  private optimizer(): Ranger21Steps {
    if (this.built?.variables !== this.states.size) {
      const shapes = Object.fromEntries([...this.states.keys()].map((name) => [name, variableOf(name).shape]));
      const roles = Object.fromEntries(
        Object.entries(shapes).map(([name, shape]) => {
          const known = name.replace(/_\d+$/, ''); // the suffix TensorFlow.js gives a name used before
          return [name, this.hooks.unitAxes?.(name, shape) ?? roleOf(known, shape)];
        }),
      );
      const optimizer = buildOptimizer(forPrecision(this.config), this.run, shapes, roles);
      this.built = { variables: this.states.size, optimizer };
    }
    return this.built.optimizer;
  }

  /** State of a variable, made at its first gradient. */
  private stateOf(name: string): VariableState {
    const known = this.states.get(name);
    if (known) return known;
    const variable = variableOf(name);
    const slots = this.optimizer().slots.map((slot) => {
      const start = slot.from === 'param' ? variable.clone() : tf.zerosLike(variable);
      return [slot.name, tf.variable(start, false)] as const;
    });
    const state: VariableState = { steps: 0, slots: Object.fromEntries(slots) };
    this.states.set(name, state);
    return state;
  }

  /** A model loaded beside the one it was saved from has other variable names: then the order says which is which. */
  private adoptRestored(names: readonly string[]): void {
    const restored = [...this.states];
    if (restored.length !== names.length || restored.some(([name]) => isRegistered(name) && names.includes(name)))
      return;
    const fits = restored.every(([, { slots }], i) =>
      Object.values(slots).every(({ shape }) => tf.util.arraysEqual(shape, variableOf(names[i]!).shape)),
    );
    if (!fits) return;
    this.states.clear();
    restored.forEach(([, state], i) => this.states.set(names[i]!, state));
    this.built = undefined;
  }

  /** Clones, because a slot may take over the tensor of another that moves on. */
  private slotTensors(names: readonly string[]): tf.NamedTensorMap {
    return Object.fromEntries(
      names.flatMap((name) =>
        Object.entries(this.stateOf(name).slots).map(([slot, value]) => [
          `${slot}/${name}`,
          value.clone() as tf.Tensor,
        ]),
      ),
    );
  }

  private assign({ params, state }: { params: Readonly<tf.NamedTensorMap>; state: Readonly<tf.NamedTensorMap> }): void {
    for (const [name, value] of Object.entries(params)) variableOf(name).assign(value);
    for (const [key, value] of Object.entries(state)) {
      const [slot = '', name = ''] = [key.slice(0, key.indexOf('/')), key.slice(key.indexOf('/') + 1)];
      this.stateOf(name).slots[slot]!.assign(value);
    }
  }

  private warnPastTheEnd(t: number): void {
    const { total } = milestones(this.config, this.run);
    if (this.warnedOfEnd || !this.config.components.warmdown || t <= total) return;
    this.warnedOfEnd = true;
    console.warn(
      `${this.getClassName()}: step ${t} is past the run's ${total}; the learning rate stays at its last value`,
    );
  }

  private async report(t: number, meters: tf.NamedTensorMap): Promise<void> {
    const lr = this.optimizer().lr(t);
    const read = await Promise.all(
      Object.entries(meters).map(async ([name, meter]) => [name, (await meter.data())[0]!] as const),
    );
    tf.dispose(meters);
    this.hooks.onStep?.(t, lr, Object.fromEntries(read));
  }
}

const isRegistered = (name: string): boolean => tf.engine().registeredVariables[name] !== undefined;

function variableOf(name: string): tf.Variable {
  const variable = tf.engine().registeredVariables[name];
  if (variable) return variable;
  throw new UserError(`there is no variable ${name}`, {
    remedy: 'give gradients by the names of live tf.Variables; a disposed model’s optimizer cannot go on',
  });
}

const scalarTensors = (values: Readonly<Record<string, number>>): tf.NamedTensorMap =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, tf.scalar(value) as tf.Tensor]));

/** On backends of half precision 10⁻⁸ is zero; there ε is at least the backend's own. */
function forPrecision(config: OptimizerConfig): OptimizerConfig {
  if (tf.backend().floatPrecision() === 32) return config;
  const floor = tf.backend().epsilon();
  const { normloss } = config.components;
  return {
    ...config,
    core: { ...config.core, eps: Math.max(config.core.eps, floor) },
    components: { ...config.components, normloss: normloss && { ...normloss, eps: Math.max(normloss.eps, floor) } },
  };
}

/** Saving a model turns `_x` in strings into `X`; escaped, a pattern survives it. */
const escaped = (patterns: readonly string[]) => patterns.map((pattern) => pattern.replaceAll('_', '\\u005f'));
const unescaped = (patterns: readonly string[]) => patterns.map((pattern) => pattern.replaceAll('\\u005f', '_'));
const mapExclude = <Options extends { exclude?: object | undefined }>(
  options: Options,
  change: (patterns: readonly string[]) => string[],
): Options =>
  options.exclude
    ? {
        ...options,
        exclude: Object.fromEntries(
          Object.entries(options.exclude as Record<string, readonly string[]>).map(([what, names]) => [
            what,
            Array.isArray(names) ? change(names) : names, // anything else is refused with the other options
          ]),
        ),
      }
    : options;

/** What TensorFlow.js adds to a config when it loads a model. */
const withoutExtras = ({ customObjects: _, ...config }: tf.serialization.ConfigDict): tf.serialization.ConfigDict =>
  config;

/** What JSON can hold of the options. */
const toConfig = (options: object): tf.serialization.ConfigDict =>
  JSON.parse(JSON.stringify(mapExclude(options, escaped))) as tf.serialization.ConfigDict;

/**
 * Ranger21: AdamW or MADGRAD with ten components, each of which can be switched off.
 *
 * Reference: Wright & Demeure, Ranger21: a synergistic deep learning optimizer, 2021. https://arxiv.org/abs/2106.13731
 * The equations are in `optim/components`, the differences between paper and code in `optim/semantics.ts`.
 */
export class Ranger21 extends VariableOptimizer {
  static get className(): string {
    return 'Ranger21';
  }
  private readonly options: Ranger21Options;

  constructor(options: Ranger21Options) {
    const given = mapExclude(options, unescaped);
    const { config, run, warnings } = fromOptions(given);
    super(config, run, given);
    this.options = given;
    for (const warning of warnings) console.warn(`Ranger21: ${warning}`);
  }

  /** The options given, but for the functions `unitAxes` and `onStep` (with `loggingActive`), which JSON cannot hold. */
  getConfig(): tf.serialization.ConfigDict {
    return toConfig({ ...this.options, loggingActive: undefined });
  }
  static override fromConfig<T extends tf.serialization.Serializable>(
    cls: tf.serialization.SerializableConstructor<T>,
    config: tf.serialization.ConfigDict,
  ): T {
    return new cls(withoutExtras(config));
  }
}

/**
 * AdamW, the core of Ranger21 with every component off.
 *
 * Reference: Loshchilov & Hutter, Decoupled Weight Decay Regularization, 2019. https://arxiv.org/abs/1711.05101
 */
export class AdamW extends VariableOptimizer {
  static get className(): string {
    return 'AdamW';
  }
  private readonly options: AdamWOptions;

  constructor(options: AdamWOptions) {
    const given = mapExclude(options, unescaped);
    const { config, run } = fromAdamWOptions(given);
    super(config, run, {});
    this.options = given;
  }

  getConfig(): tf.serialization.ConfigDict {
    return toConfig(this.options);
  }
  static override fromConfig<T extends tf.serialization.Serializable>(
    cls: tf.serialization.SerializableConstructor<T>,
    config: tf.serialization.ConfigDict,
  ): T {
    return new cls(withoutExtras(config));
  }
}

tf.serialization.registerClass(Ranger21);
tf.serialization.registerClass(AdamW);
