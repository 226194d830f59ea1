/** What a comparison comes to, in one of five words. */
import { inPoints } from '../study/protocol.ts';
import { seedsToReject } from '../statistics/power.ts';

export interface Verdict {
  readonly word: 'helps' | 'hurts' | 'equivalent' | 'no detectable effect' | 'inconclusive';
  /** The word with what belongs to it: `equivalent (±0.2)`, `inconclusive (2 seeds)`. */
  readonly text: string;
  /** Only what is significant. */
  readonly bold: boolean;
}

/** What a verdict is made from. */
export interface Grounds {
  /** Why nothing can be said, whatever the numbers are: not paired, inactive, search edge. */
  readonly objection: string | null;
  /** Per seed. */
  readonly differences: readonly number[];
  readonly mean: number;
  readonly sd: number | null;
  /** Of the sign-flip test, after Holm. */
  readonly pHolm: number | null;
  /** Of the two one-sided tests against ±delta. */
  readonly equivalenceP: number | null;
  /** What would be found with 80 % power; null where nothing would. */
  readonly mde: number | null;
  /** How many arms the correction is over. */
  readonly family: number;
}

/**
 * The verdict on an arm against its reference, so that `-pnm` *hurts* says: without PNM the result is worse, PNM helps.
 *
 * In this order:
 *
 *     inconclusive (…)                an objection, fewer than 3 seeds, or differences that are all equal
 *     helps, hurts                    Holm's p is at most α; the sign is the mean's
 *     equivalent (±δ)                 both one-sided t tests reject a mean beyond ±δ at α (not corrected over arms)
 *     inconclusive (n seeds cannot …) so few seeds that the sign-flip test cannot reach α in a family this large
 *     inconclusive (above the MDE …)  the mean is as large as what would be detected, yet not significant
 *     no detectable effect (MDE = x)  else
 *
 * Differences that are all equal have no spread to judge by: an interval of no width would call any of them significant.
 */
export function verdictOf(
  grounds: Grounds,
  { alpha, delta }: { readonly alpha: number; readonly delta: number },
): Verdict {
  const { objection, differences, mean, sd, pHolm, equivalenceP, mde, family } = grounds;
  const n = differences.length;
  const inconclusive = (reason: string): Verdict => ({
    word: 'inconclusive',
    text: `inconclusive (${reason})`,
    bold: false,
  });
  if (objection !== null) return inconclusive(objection);
  if (n < 3) return inconclusive(`${n} ${n === 1 ? 'seed' : 'seeds'}: descriptive only`);
  if (sd === null || pHolm === null) return inconclusive(allEqual(mean));
  if (pHolm <= alpha) {
    const word = mean > 0 ? 'helps' : 'hurts';
    return { word, text: word, bold: true };
  }
  if (equivalenceP !== null && equivalenceP <= alpha) {
    return { word: 'equivalent', text: `equivalent (±${inPoints(delta)})`, bold: false };
  }
  const powerless = tooFewSeeds(n, family, alpha);
  if (powerless !== null) return inconclusive(powerless);
  if (mde !== null && Math.abs(mean) >= mde) return inconclusive('above the MDE, not significant after Holm');
  return {
    word: 'no detectable effect',
    text: `no detectable effect (MDE = ${mde === null ? '–' : Number((100 * mde).toPrecision(2))})`,
    bold: false,
  };
}

const allEqual = (mean: number): string =>
  Math.abs(mean) < 1e-9 ? 'no run differs from its reference' : 'all differences are equal: no spread to judge by';

/** `5 seeds cannot give helps or hurts in a family of 10: 9 are needed`; null where they can. */
export function tooFewSeeds(seeds: number, family: number, alpha: number): string | null {
  const needed = seedsToReject(family, alpha);
  if (seeds >= needed) return null;
  const size = family === 1 ? '' : ` in a family of ${family}`;
  return `${seeds} ${seeds === 1 ? 'seed' : 'seeds'} cannot give helps or hurts${size}: ${needed} are needed`;
}
