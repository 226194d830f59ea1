/** The optimizers of a study's arms, made from the full one's. */
import { componentNames, type ComponentName } from '../../optim/components/registry.ts';
import { optimizerSchema, type OptimizerConfig } from '../../optim/config.ts';

type Switches = Partial<Record<ComponentName, unknown>>;

export const without = (optimizer: OptimizerConfig, names: readonly ComponentName[]): OptimizerConfig => ({
  ...optimizer,
  components: { ...optimizer.components, ...Object.fromEntries(names.map((name) => [name, false])) },
});

/** What the baselines take from the base. */
function shared({ semantics, core, lr, weightDecay, decay, rank3Norm }: OptimizerConfig) {
  const { policy, exclude } = decay;
  const betas = core.name === 'adamw' ? { beta1: core.beta1, beta2: core.beta2, eps: core.eps } : {};
  return {
    semantics,
    lr,
    weightDecay,
    rank3Norm,
    core: { name: 'adamw', ...betas, amsgrad: false, adabelief: false },
    decay: { tensors: 'all', policy, exclude },
  };
}

export const adamw = (base: OptimizerConfig): OptimizerConfig =>
  optimizerSchema.parse({ ...shared(base), name: 'adamw' });

/** Plain AdamW with exactly these components. */
export const adamwWith = (base: OptimizerConfig, switches: Switches): OptimizerConfig =>
  optimizerSchema.parse({
    ...shared(base),
    name: 'ranger21',
    components: { ...Object.fromEntries(componentNames.map((name) => [name, false])), ...switches },
  });

/** The base's schedule; where it has none, the preset's, since without one the arm would be `adamw` again. */
export function schedule({ components: { warmup, warmdown } }: OptimizerConfig): Switches {
  return warmup === false && warmdown === false ? { warmup: true, warmdown: true } : { warmup, warmdown };
}

/** These components on the scheduled baseline; a schedule of its own on the constant one. */
export function withOnly(base: OptimizerConfig, names: readonly ComponentName[]): OptimizerConfig {
  const added = Object.fromEntries(names.map((name) => [name, base.components[name]]));
  const isSchedule = names.every((name) => name === 'warmup' || name === 'warmdown');
  return adamwWith(base, isSchedule ? added : { ...schedule(base), ...added });
}
