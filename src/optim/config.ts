/** The `optimizer:` block of a config: what a user may write, and what it means with every option filled in. */
import { z } from 'zod';
import type { Rank3Norm } from '../tensor/units.ts';
import type { SlotName } from './component.ts';
import { componentNames, components, type ComponentName, type ComponentOptions } from './components/registry.ts';
import { coreNames, cores, type CoreConfig, type CoreName } from './cores/registry.ts';
import { semantics, semanticsNames, type Preset, type Semantics } from './semantics.ts';

/** Which tensors weight decay and norm loss reach: `kernels` are those of rank 2 and more. */
const decaySchema = z.strictObject({
  tensors: z.enum(['all', 'last']).describe('last: the last tensor only, decay and norm loss alike'),
  policy: z.enum(['all', 'kernels']).default('all').describe('kernels: no decay and norm loss on biases and scales'),
  exclude: z.array(z.string()).default([]).describe('parameters without weight decay, by name; * matches anything'),
});

export interface OptimizerConfig {
  readonly name: 'ranger21' | 'adamw';
  readonly semantics: Semantics;
  readonly core: CoreConfig;
  readonly lr: number;
  readonly weightDecay: number;
  readonly decay: z.output<typeof decaySchema>;
  readonly chebyshev: boolean;
  readonly rank3Norm: Rank3Norm;
  readonly components: { readonly [Name in ComponentName]: false | ComponentOptions<Name> };
}

/** The same options without their defaults, so that a preset can tell what the user gave. */
function given({ shape }: { readonly shape: Readonly<Record<string, unknown>> }) {
  const optional = Object.entries(shape).map(([key, field]) => {
    const schema = field as z.ZodType;
    const bare = schema instanceof z.ZodDefault ? (schema.unwrap() as z.ZodType) : schema;
    return [key, bare.optional().describe(schema.description ?? '')];
  });
  return z.strictObject(Object.fromEntries(optional) as Record<string, z.ZodOptional>);
}

type Given = Readonly<Record<string, unknown>>;

const toggles = Object.fromEntries(
  Object.entries(components).map(([name, { options, summary }]) => [
    name,
    z
      .union([z.boolean(), given(options)])
      .optional()
      .describe(summary),
  ]),
) as unknown as Record<ComponentName, z.ZodOptional<z.ZodType<boolean | Given>>>; // fromEntries forgets the keys

const [adamwCore, madgradCore] = [given(cores.adamw.options), given(cores.madgrad.options)];
const coreSchema = z.union([
  z.enum(coreNames),
  z.discriminatedUnion('name', [
    adamwCore.extend({ name: z.literal('adamw') }),
    madgradCore.extend({ name: z.literal('madgrad') }),
  ]),
]);

const writtenSchema = z.strictObject({
  name: z.enum(['ranger21', 'adamw']).default('ranger21').describe('adamw: every component off'),
  semantics: z.enum(semanticsNames).default('reference').describe('where options that are not given come from'),
  core: coreSchema.default('adamw').describe('the update rule, with or without options'),
  lr: z.number().positive().default(1e-3).describe('peak learning rate'),
  weightDecay: z.number().nonnegative().optional().describe('λ; 1e-4, and 1e-2 for adamw'),
  decay: given(decaySchema).optional().describe('what weight decay reaches'),
  chebyshev: z.boolean().default(false).describe('Chebyshev multipliers between warm-up and warm-down'),
  rank3Norm: z
    .enum(['input', 'all'])
    .optional()
    .describe('axes of a rank-3 kernel’s norm: input only, or all but the last'),
  components: z
    .union([z.array(z.enum(componentNames)), z.strictObject(toggles)])
    .default({})
    .describe('switches: true, false or options; absent is the preset’s value; a list is exactly these'),
});
type Written = z.output<typeof writtenSchema>;

/** `optimizer:` as written → resolved. Resolving a resolved block changes nothing. */
export const optimizerSchema = writtenSchema.transform((written, ctx): OptimizerConfig => {
  const problem = (path: (string | number)[], message: string) => {
    ctx.issues.push({ code: 'custom', path, message, input: written });
  };
  const preset: Preset = semantics[written.semantics];
  const isAdamw = written.name === 'adamw';
  const config: OptimizerConfig = {
    name: written.name,
    semantics: written.semantics,
    core: resolveCore(written.core, isAdamw ? {} : preset.cores),
    lr: written.lr,
    weightDecay: written.weightDecay ?? (isAdamw ? 1e-2 : 1e-4),
    decay: decaySchema.parse({ tensors: isAdamw ? 'all' : preset.decayTensors, ...written.decay }),
    chebyshev: written.chebyshev,
    rank3Norm: written.rank3Norm ?? preset.rank3Norm,
    components: resolveComponents(written, preset),
  };

  if (isAdamw) checkAdamw(written, config, problem);
  checkSlots(config, problem);
  if (preset.core !== undefined && config.core.name !== preset.core) {
    const message = `${written.semantics} is known for the core ${preset.core} only: set core: ${preset.core}, or semantics: reference`;
    problem(['core'], message);
  }
  const { normloss, pnm } = config.components;
  if (normloss && (normloss.form === 'product') !== (normloss.factor === null)) {
    const message =
      normloss.form === 'product'
        ? 'the product form of norm loss shares weightDecay: set factor: null, or form: independent'
        : 'the independent form of norm loss needs a factor of its own, such as 1e-4';
    problem(['components', 'normloss', 'factor'], message);
  }
  if (pnm && preset.pnmFactor !== undefined && pnm.factor !== preset.pnmFactor) {
    const message = `the code behind ${written.semantics} has the factor ${preset.pnmFactor} whatever it is set to: leave it out, or set semantics: reference`;
    problem(['components', 'pnm', 'factor'], message);
  }
  return config;
});

type Report = (path: (string | number)[], message: string) => void;

function resolveCore(written: Written['core'], presets: Preset['cores']): CoreConfig {
  const { name, ...options } = (typeof written === 'string' ? { name: written } : written) as {
    name: CoreName;
  } & Given;
  return { name, ...cores[name].options.parse({ ...presets[name], ...defined(options) }) } as CoreConfig;
}

function resolveComponents({ name, components: written }: Written, preset: Preset): OptimizerConfig['components'] {
  const entries = componentNames.map((component) => {
    const wanted = Array.isArray(written) ? written.includes(component) : written[component];
    const fromPreset = preset.components[component];
    if (name === 'adamw' || (wanted ?? fromPreset) === false) return [component, false];
    const options = typeof wanted === 'object' ? defined(wanted) : {};
    return [component, components[component].options.parse({ ...(fromPreset || {}), ...options })];
  });
  return Object.fromEntries(entries) as OptimizerConfig['components'];
}

/** Without the keys whose value is undefined. */
const defined = (options: Given): Given =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

function checkAdamw(written: Written, { core }: OptimizerConfig, problem: Report): void {
  if (core.name !== 'adamw') problem(['core'], `adamw has the core adamw: set name: ranger21 to use ${core.name}`);
  const { components: named } = written;
  const on = Array.isArray(named) ? named : componentNames.filter((name) => (named[name] ?? false) !== false);
  on.forEach((name, i) => {
    const path = ['components', Array.isArray(named) ? i : name];
    problem(path, `adamw has every component off: leave ${name} out, or set name: ranger21`);
  });
}

const insideCore: readonly SlotName[] = ['momentum', 'denominator'];

/** A component whose slot the core lacks would be ignored, and its row in a table would mean nothing. */
function checkSlots({ core, components: resolved }: OptimizerConfig, problem: Report): void {
  for (const name of componentNames) {
    const { slot } = components[name];
    if (!resolved[name] || !insideCore.includes(slot) || cores[core.name].offers.includes(slot)) continue;
    problem(['components', name], `${core.name} has no ${slot} slot: set components.${name}: false, or core: adamw`);
  }
}

/**
 * The options whose values are not those of the semantics a config names, learning rate and weight decay aside: `pnm off`,
 * `gradnorm.passes 1`, `core madgrad`.
 */
export function changesFromSemantics(config: OptimizerConfig): string[] {
  if (config.name === 'adamw') return [];
  const { semantics: name, lr, weightDecay } = config;
  const preset = optimizerSchema.parse({ semantics: name, lr, weightDecay });
  const core = resolveCore(config.core.name, semantics[name].cores);
  return [
    ...componentNames.flatMap((id) => changes(id, preset.components[id], config.components[id])),
    ...(core.name === preset.core.name ? [] : [`core ${core.name}`]),
    ...changes('core', core, config.core),
    ...changes('decay', preset.decay, config.decay),
    ...changes('chebyshev', preset.chebyshev, config.chebyshev),
    ...changes('rank3Norm', preset.rank3Norm, config.rank3Norm),
  ];
}

/** Leaf by leaf; a plan of an older version may lack an option. */
function changes(name: string, was: unknown, is: unknown): string[] {
  if (is === undefined || JSON.stringify(was) === JSON.stringify(is)) return [];
  if (is === false) return [`${name} off`];
  if (Array.isArray(is)) return [`${name} ${is.join(', ') || 'none'}`];
  if (typeof is !== 'object' || is === null) return [`${name} ${is as string | number | boolean | null}`];
  if (was === false) return [`${name} on`];
  return Object.entries(is).flatMap(([key, value]) => changes(`${name}.${key}`, (was as Given)[key], value));
}
