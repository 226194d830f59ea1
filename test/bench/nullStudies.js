/**
 * How often the verdicts of a study are wrong where nothing differs, and how often its intervals hold the truth.
 *
 *     npm run build && node test/bench/nullStudies.js [studies]
 *
 * A study is one full optimizer and ten arms over n seeds. Accuracies are normal around 90 % with a part that the arms of a
 * seed share (ρ = 0.5) and are rounded to one of `images` held-out images. The true difference is `shift`, of every arm or, for
 * the power of the procedure, of the first `shifted` ones.
 */

/**
 * @typedef {object} Parts
 * @property {typeof import('../../src/experiment/table/measures.ts')} measures
 * @property {typeof import('../../src/experiment/statistics/intervals.ts')} intervals
 * @property {typeof import('../../src/experiment/statistics/power.ts')} power
 * @property {typeof import('../../src/random.ts')} random
 */

/**
 * Rates over simulated studies: `any` of a study with at least one helps or hurts, `found` of one whose first arm helps,
 * `equivalent` of the arms called that, `t` and `bca` of the intervals of one arm a study that hold the true difference.
 *
 * @param {Parts} parts
 * @param {{ studies: number, seeds: number, arms?: number, shift?: number, shifted?: number, sd?: number, images?: number, delta?: number, bootstrap?: boolean }} options
 */
export function nullStudies(
  { measures: { judged, measures }, intervals: { bcaInterval }, random: { stream } },
  {
    studies,
    seeds,
    arms = 10,
    shift = 0,
    shifted = arms,
    sd = 0.004,
    images = 10_000,
    delta = 0.002,
    bootstrap = false,
  },
) {
  const declared = { alpha: 0.05, delta };
  const counts = { any: 0, found: 0, arms: 0, equivalent: 0, inconclusive: 0, t: 0, tOf: 0, bca: 0, bcaOf: 0 };
  for (let study = 0; study < studies; study++) {
    const draws = stream(study, 'statistics', 100);
    const accuracy = (/** @type {number} */ centre) =>
      Math.round(images * (centre + sd * Math.SQRT1_2 * draws.normal())) / images;
    const shared = Array.from({ length: seeds }, () => 0.9 + sd * Math.SQRT1_2 * draws.normal());
    const full = shared.map(accuracy);
    const tests = Array.from({ length: arms }, (_, arm) => {
      const moved = arm < shifted ? shift : 0;
      const differences = shared.map((centre, i) => accuracy(centre + moved) - /** @type {number} */ (full[i]));
      return {
        family: 'leave one out',
        differences,
        objection: null,
        measures: measures(differences, declared, draws),
      };
    });
    const words = judged(tests, declared).map(({ verdict }) => verdict.word);
    const significant = words.filter((word) => word === 'helps' || word === 'hurts').length;
    counts.any += significant > 0 ? 1 : 0;
    counts.arms += significant;
    counts.found += words[0] === 'helps' ? 1 : 0;
    counts.equivalent += words.filter((word) => word === 'equivalent').length;
    counts.inconclusive += words.filter((word) => word === 'inconclusive').length;
    const [first] = tests;
    const holds = (/** @type {readonly [number, number] | null | undefined} */ ends) =>
      ends && ends[0] <= shift && shift <= ends[1] ? 1 : 0;
    counts.tOf += first?.measures.interval ? 1 : 0;
    counts.t += holds(first?.measures.interval);
    if (bootstrap && first) {
      const interval = bcaInterval(first.differences, draws, 0.95, 2000);
      counts.bcaOf += interval ? 1 : 0;
      counts.bca += holds(interval);
    }
  }
  const tests = studies * arms;
  return {
    any: counts.any / studies,
    found: counts.found / studies,
    arms: counts.arms / tests,
    equivalent: counts.equivalent / tests,
    inconclusive: counts.inconclusive / tests,
    t: counts.t / counts.tOf,
    bca: counts.bca / counts.bcaOf,
  };
}

/**
 * How often a study of these many arms finds the one of them whose true difference is the minimum detectable effect that its plan
 * tells; undefined where the plan tells none.
 *
 * @param {Parts} parts
 * @param {{ studies: number, seeds: number, arms: number }} options
 */
export function powerAtMde(parts, { studies, seeds, arms }) {
  const sd = 0.004;
  const effect = parts.power.detectableEffect(seeds, 0.05 / arms);
  if (effect === null) return undefined;
  return nullStudies(parts, { studies, seeds, arms, shift: effect * sd, shifted: 1, sd }).found;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  /** @param {string} path @returns {Promise<unknown>} */
  const built = (path) =>
    import(new URL(`${process.env['RANGER21_DIST'] ?? '../../dist'}/${path}.js`, import.meta.url).href);
  const parts = {
    measures: /** @type {typeof import('../../src/experiment/table/measures.ts')} */ (
      await built('experiment/table/measures')
    ),
    intervals: /** @type {typeof import('../../src/experiment/statistics/intervals.ts')} */ (
      await built('experiment/statistics/intervals')
    ),
    power: /** @type {typeof import('../../src/experiment/statistics/power.ts')} */ (
      await built('experiment/statistics/power')
    ),
    random: /** @type {typeof import('../../src/random.ts')} */ (await built('random')),
  };
  const studies = Number(process.argv[2] ?? 2000);
  const error = (/** @type {number} */ rate, n = studies) => (1.96 * Math.sqrt((rate * (1 - rate)) / n)).toFixed(4);
  console.log(`${studies} simulated studies of 10 arms, α = 0.05, Holm; ± is the 95 % error of the simulation`);
  for (const seeds of [5, 10, 20]) {
    const rates = nullStudies(parts, { studies, seeds, bootstrap: true });
    console.log(
      `n = ${String(seeds).padStart(2)}, no difference: any helps or hurts in ${rates.any.toFixed(4)} ± ${error(rates.any)} of the studies, ` +
        `${rates.arms.toFixed(4)} of the arms; 95 % intervals hold it: t ${rates.t.toFixed(4)} ± ${error(rates.t)}, BCa ${rates.bca.toFixed(4)}`,
    );
    const edge = nullStudies(parts, { studies, seeds, shift: 0.002 });
    console.log(
      `        a true difference of just δ is called equivalent in ${edge.equivalent.toFixed(4)} of the arms`,
    );
  }
  for (const [seeds, arms] of /** @type {const} */ ([
    [5, 10],
    [6, 1],
    [9, 10],
    [10, 1],
    [10, 10],
    [20, 10],
  ])) {
    const found = powerAtMde(parts, { studies, seeds, arms });
    console.log(
      `n = ${String(seeds).padStart(2)}, ${String(arms).padStart(2)} arms, one with a true difference of the MDE: ` +
        (found === undefined
          ? 'no MDE: nothing can be found'
          : `found in ${found.toFixed(4)} ± ${error(found)} of the studies, 0.8 claimed`),
    );
  }
  const one = nullStudies(parts, { studies, seeds: 10, arms: 1 });
  console.log(`n = 10, one arm alone: ${one.any.toFixed(4)} ± ${error(one.any)}`);
}
