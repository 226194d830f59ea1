/** What a list of paired differences comes to, before any correction for other lists. */
import type { Stream } from '../../random.ts';
import { mean, median, sampleSd, varies } from '../statistics/describe.ts';
import { studentTInterval, type Interval } from '../statistics/intervals.ts';
import { winShare } from '../statistics/paired.ts';
import { detectableEffect } from '../statistics/power.ts';
import { equivalenceTest, holm, signFlipTest } from '../statistics/tests.ts';
import { verdictOf, type Verdict } from './verdict.ts';

/** What is declared beforehand. */
type Declared = { readonly alpha: number; readonly delta: number };

/** Shares. What cannot be computed is null; tests are from three differences on. */
export interface Measures {
  readonly mean: number | null;
  readonly median: number | null;
  readonly sd: number | null;
  /** Student's t, at 1 − α. */
  readonly interval: Interval | null;
  /** Of the exact sign-flip test. */
  readonly p: number | null;
  /** Mean over deviation. */
  readonly dz: number | null;
  /** Share of the seeds that the arm wins, ties half. */
  readonly winShare: number | null;
  /** Of the two one-sided tests against the declared δ. */
  readonly equivalenceP: number | null;
}

/** `draws` is used where there are too many signs to enumerate. */
export function measures(differences: readonly number[], { alpha, delta }: Declared, draws: Stream): Measures {
  const some = differences.length > 0;
  const tested = differences.length >= 3;
  const spread = differences.length > 1 && varies(differences) ? sampleSd(differences) : null;
  return {
    mean: some ? mean(differences) : null,
    median: some ? median(differences) : null,
    sd: differences.length > 1 ? sampleSd(differences) : null,
    interval: studentTInterval(differences, 1 - alpha),
    p: tested ? signFlipTest(differences, draws) : null,
    dz: spread === null ? null : mean(differences) / spread,
    winShare: some ? winShare(differences) : null,
    equivalenceP: tested ? equivalenceTest(differences, delta) : null,
  };
}

/** Differences with what they come to, and the family their test is corrected in. */
export interface Tested {
  readonly family: string;
  readonly differences: readonly number[];
  readonly measures: Measures;
  /** A reason, from outside the numbers, why they decide nothing. */
  readonly objection: string | null;
}

export interface Judgement {
  /** After Holm's correction within the family. */
  readonly pHolm: number | null;
  /**
   * Minimum detectable effect: the mean difference that the test finds with 80 % power in Holm's first step, the strictest, at
   * this n and deviation; null where no difference would do.
   */
  readonly mde: number | null;
  readonly verdict: Verdict;
}

/**
 * The verdicts, in the order of the tests. One that has no p yet stays in its family as if it had 1, so that the others do
 * not change when it comes.
 */
export function judged(tests: readonly Tested[], declared: Declared): Judgement[] {
  const families = new Map<string, Tested[]>();
  for (const test of tests) families.set(test.family, [...(families.get(test.family) ?? []), test]);
  const adjusted = new Map<Tested, number>();
  for (const members of families.values()) {
    holm(members.map(({ measures }) => measures.p ?? 1)).forEach((p, i) => adjusted.set(members[i]!, p));
  }
  return tests.map((test) => {
    const { differences, objection, measures, family } = test;
    const { mean, sd, dz, p, equivalenceP } = measures;
    const pHolm = p === null ? null : adjusted.get(test)!;
    const comparisons = families.get(family)!.length;
    const effect =
      p === null || dz === null ? null : detectableEffect(differences.length, declared.alpha / comparisons);
    const mde = effect === null ? null : effect * sd!;
    const grounds = {
      objection,
      differences,
      mean: mean ?? NaN,
      sd: dz === null ? null : sd,
      pHolm,
      equivalenceP,
      mde,
      family: comparisons,
    };
    return { pHolm, mde, verdict: verdictOf(grounds, declared) };
  });
}
