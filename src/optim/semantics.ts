/**
 * The three readings of Ranger21, as option values and nothing else. What a preset does not name has the option's
 * default, which is the reference's.
 *
 *     reference          the reference code as corrected in 2026: every tensor decays
 *     paper              the publication: 8 components, product form of decay and norm loss, AMSGrad
 *     reference-legacy   the reference code of 2021–2025: decay and norm loss reach the last tensor only
 */
import type { z } from 'zod';
import type { components, ComponentName } from './components/registry.ts';
import type { cores } from './cores/registry.ts';
import type { Rank3Norm } from '../tensor/units.ts';

export interface Preset {
  readonly rank3Norm: Rank3Norm;
  /** Which tensors decay and norm loss reach. */
  readonly decayTensors: 'all' | 'last';
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
    cores: {},
    components: { gradnorm: { passes: 2 }, warmdown: { floor: 'literal' } },
  },
} as const satisfies Record<string, Preset>;

export type Semantics = keyof typeof semantics;
export const semanticsNames = Object.keys(semantics) as Semantics[];
