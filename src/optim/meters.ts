/** How active each component was in a step, collected over the parameters and kept on the device. */
import { add, div, maximum, sqrt, type Operand, type Tensor } from '../tensor/ops.ts';

/** Collects Σ amount / Σ of under a name, or its square root. */
export interface Tally {
  share(name: string, amount: Tensor, of: Operand, root?: 'root'): void;
  /** Adds one 0-d tensor a name to `meters`. */
  into(meters: Record<string, Tensor>): void;
}

export function newTally(): Tally {
  const totals = new Map<string, { amount: Tensor; of: Operand; root: boolean }>();
  return {
    share(name, amount, of, root) {
      const { amount: before, of: ofBefore } = totals.get(name) ?? { amount: undefined, of: 0 };
      const sumOf = typeof of === 'number' && typeof ofBefore === 'number' ? of + ofBefore : add(ofBefore, of);
      totals.set(name, { amount: before ? add(before, amount) : amount, of: sumOf, root: root === 'root' });
    },
    into(meters) {
      for (const [name, { amount, of, root }] of totals) {
        const share = div(amount, maximum(of, 1e-30)); // 0/0 is 0: nothing there, nothing done
        meters[name] = root ? sqrt(share) : share;
      }
    },
  };
}
