/** The order in which runs are listed. */
import { valueOf, type ConfiguredRun } from './select.ts';

/** By the first key, then by the next …; `-key` has the largest first. Runs without a value come last, and ties stay as they are. */
export function sorted(runs: readonly ConfiguredRun[], keys: readonly string[]): ConfiguredRun[] {
  const orders = keys.map((key) => ({ key: key.replace(/^-/, ''), sign: key.startsWith('-') ? -1 : 1 }));
  return [...runs].sort((a, b) => {
    for (const { key, sign } of orders) {
      const [x, y] = [valueOf(a, key), valueOf(b, key)].map((value) => (Number.isNaN(value) ? undefined : value));
      if (x === y) continue;
      if (x === undefined) return 1;
      if (y === undefined) return -1;
      return sign * (x < y ? -1 : 1);
    }
    return 0;
  });
}
