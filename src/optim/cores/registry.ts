/** Every core; the keys are the config's names. */
import type { z } from 'zod';
import { adamw } from './adamw.ts';
import { madgrad } from './madgrad.ts';

export const cores = { adamw, madgrad } as const;

export type CoreName = keyof typeof cores;
export const coreNames = Object.keys(cores) as CoreName[];

/** A core's name and options, all of them. */
export type CoreConfig = { [Name in CoreName]: { name: Name } & z.output<(typeof cores)[Name]['options']> }[CoreName];
