import { cifar10 } from './cifar10.ts';
import { cifar100 } from './cifar100.ts';
import { fashionMnist } from './fashionMnist.ts';
import { mnist } from './mnist.ts';
import type { Source } from './source.ts';

/** The data sets that `data prepare` has work for. */
export const sources = {
  mnist,
  'fashion-mnist': fashionMnist,
  cifar10,
  cifar100,
} as const satisfies Record<string, Source>;
