/**
 * The readings of Ranger21, as option values and nothing else. What a preset does not name has the option's default,
 * which is the reference's.
 *
 *     reference          the reference code with decay and norm loss on every tensor, as its correction of 2026 has it
 *     paper              the publication: 8 components, product form of decay and norm loss, AMSGrad
 *     reference-legacy   the reference code of July 2021 to 2025: decay and norm loss reach the last tensor only
 *     as-run-2021-05     the reference code of May 2021 (de331ad), when the ImageNet runs of the paper were made:
 *                        no gradient normalisation, no softplus, another warm-down; decay as in reference-legacy
 *
 * That the published runs used the code of May 2021 is inferred from their dates (27 April to 16 May 2021).
 */
import type { z } from 'zod';
import type { components, ComponentName } from './components/registry.ts';
import type { cores } from './cores/registry.ts';
import type { Rank3Norm } from '../tensor/units.ts';

export interface Preset {
  readonly rank3Norm: Rank3Norm;
  /** Which tensors decay and norm loss reach. */
  readonly decayTensors: 'all' | 'last';
  /** The only momentum factor of the code these semantics reproduce, which ignores the option. */
  readonly pnmFactor?: number;
  /** The only core whose steps are those of the code these semantics reproduce. */
  readonly core?: keyof typeof cores;
  readonly cores: { readonly [Name in keyof typeof cores]?: z.input<(typeof cores)[Name]['options']> };
  readonly components: { readonly [Name in ComponentName]?: false | z.input<(typeof components)[Name]['options']> };
}

export const semantics = {
  reference: { rank3Norm: 'input', decayTensors: 'all', cores: {}, components: {} },
  paper: {
    rank3Norm: 'all',
    decayTensors: 'all',
    cores: { adamw: { amsgrad: true } },
    components: {
      gradnorm: false,
      softplus: false,
      pnm: { factor: 0.9, noiseNorm: 'factor' },
      swd: { scope: 'tensor', of: 'maximum' },
      normloss: { form: 'product', factor: null },
      warmup: { rule: 'minimum' },
      warmdown: { rule: 'share', minLr: 0 },
    },
  },
  'reference-legacy': {
    rank3Norm: 'input',
    decayTensors: 'last',
    pnmFactor: 1,
    cores: {},
    components: { warmdown: { floor: 'literal' } },
  },
  'as-run-2021-05': {
    rank3Norm: 'input',
    decayTensors: 'last',
    pnmFactor: 1,
    core: 'adamw', // with MADGRAD that code takes a square root where a cube root belongs
    cores: {},
    components: {
      gradnorm: false,
      softplus: false,
      warmdown: { rule: 'steps-2021-05', floor: 'literal' },
    },
  },
} as const satisfies Record<string, Preset>;

export type Semantics = keyof typeof semantics;
export const semanticsNames = Object.keys(semantics) as Semantics[];
