/** Every model: each architecture with batch norm, and its norm-free twin under `nf-`. */
import { architectures, type Architecture, type ArchitectureName } from './architecture.ts';
import type { ModelFamily } from './model.ts';
import { nfResnet } from './nfResnet.ts';
import { resnet } from './resnet.ts';

export type ModelName = ArchitectureName | `nf-${ArchitectureName}`;

const describe = ({ block, depths, widths }: Architecture) =>
  `${block} blocks ${depths.join('-')}, widths ${widths.join('-')}`;

const entries = Object.entries(architectures) as [ArchitectureName, Architecture][];

export const models = Object.fromEntries([
  ...entries.map(([name, architecture]) => [name, resnet(`batch norm, ${describe(architecture)}`, architecture)]),
  ...entries.map(([name, architecture]) => [
    `nf-${name}`,
    nfResnet(`norm-free, ${describe(architecture)}`, architecture),
  ]),
]) as Record<ModelName, ModelFamily>; // Object.fromEntries forgets the names

export const modelNames = Object.keys(models) as ModelName[];
