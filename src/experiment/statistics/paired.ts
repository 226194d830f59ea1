/** Differences between runs of the same seed. */
import { mean } from './describe.ts';

/** a − b for each seed that both have, in ascending order of the seeds. */
export function pairedDifferences(
  a: ReadonlyMap<number, number>,
  b: ReadonlyMap<number, number>,
): { readonly seeds: number[]; readonly differences: number[] } {
  const seeds = [...a.keys()].filter((seed) => b.has(seed)).sort((x, y) => x - y);
  return { seeds, differences: seeds.map((seed) => a.get(seed)! - b.get(seed)!) };
}

/** Share of the differences above 0, ties half: how often the arm wins on a seed. */
export const winShare = (differences: readonly number[]): number =>
  mean(differences.map((d) => (Math.abs(d) < 1e-9 ? 0.5 : d > 0 ? 1 : 0)));

/**
 * Synergy of a component per seed: what it adds to the full optimizer less what it adds alone,
 *
 *     (full − without) − (with − baseline)
 *
 * for the seeds that all four have. Above 0 it is worth more in company.
 */
export function synergyBySeed(
  [full, without]: readonly [ReadonlyMap<number, number>, ReadonlyMap<number, number>],
  [added, baseline]: readonly [ReadonlyMap<number, number>, ReadonlyMap<number, number>],
): { readonly seeds: number[]; readonly differences: number[] } {
  const bySeed = ({ seeds, differences }: ReturnType<typeof pairedDifferences>) =>
    new Map(seeds.map((seed, i) => [seed, differences[i]!]));
  return pairedDifferences(bySeed(pairedDifferences(full, without)), bySeed(pairedDifferences(added, baseline)));
}
