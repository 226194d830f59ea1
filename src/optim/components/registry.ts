/** Every component, in the order a step applies them; the keys are the config keys. */
import type { z } from 'zod';
import { agc } from './agc.ts';
import { gc } from './gc.ts';
import { gradnorm } from './gradnorm.ts';
import { lookahead } from './lookahead.ts';
import { normloss } from './normloss.ts';
import { pnm } from './pnm.ts';
import { softplus } from './softplus.ts';
import { swd } from './swd.ts';
import { warmdown } from './warmdown.ts';
import { warmup } from './warmup.ts';

export const components = { agc, gc, gradnorm, pnm, softplus, swd, normloss, warmup, warmdown, lookahead } as const;

export type ComponentName = keyof typeof components;
export const componentNames = Object.keys(components) as ComponentName[];

/** A component's options, all of them. */
export type ComponentOptions<Name extends ComponentName> = z.output<(typeof components)[Name]['options']>;
