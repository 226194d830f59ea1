import { permutation, stream } from '../random.ts';
import type { Pool } from './images/decodePool.ts';

/** Puts the samples of an epoch in order: a second of work for a million of them, that no step should wait for. */
export interface OrderTask {
  readonly kind: 'order';
  readonly count: number;
  readonly seed: number;
  readonly epoch: number;
}

export const orderOf = ({ count, seed, epoch }: Omit<OrderTask, 'kind'>): Uint32Array =>
  permutation(count, stream(seed, 'order', epoch));

/** The order of each epoch; while one is in use the next is made on a thread. */
export function epochOrders(pool: Pool, count: number, seed: number): (epoch: number) => Uint32Array {
  let current: { epoch: number; samples: Uint32Array } | undefined;
  let next: { epoch: number; samples?: Uint32Array } | undefined;
  return (epoch) => {
    if (current?.epoch === epoch) return current.samples;
    const made = next?.epoch === epoch ? next.samples : undefined;
    current = { epoch, samples: made ?? orderOf({ count, seed, epoch }) };
    const coming: { epoch: number; samples?: Uint32Array } = { epoch: epoch + 1 };
    next = coming;
    pool.run({ kind: 'order', count, seed, epoch: epoch + 1 }).then(
      (samples) => (coming.samples = samples),
      () => undefined, // the pool is closed; elsewhere the order is made when it is asked for
    );
    return current.samples;
  };
}
