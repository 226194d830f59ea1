/** The optimizer's state before the first step. */
import { sizeOf, type HostTensor, type HostTensors } from '../tensor/compile.ts';
import type { Optimizer } from './optimizer.ts';

/** `${slot}/${parameter}` for each slot and parameter: zeros, or a copy of the parameter. */
export function initState(optimizer: Pick<Optimizer, 'slots'>, params: HostTensors): HostTensors {
  return Object.fromEntries(
    optimizer.slots.flatMap(({ name, from }) =>
      Object.entries(params).map(([param, { shape, data }]): [string, HostTensor] => [
        `${name}/${param}`,
        { shape, data: from === 'param' ? data.slice() : new Float32Array(sizeOf(shape)) },
      ]),
    ),
  );
}
