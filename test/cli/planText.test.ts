import { describe, expect, test } from 'vitest';
import { families, planText, type PlanPreview } from '../../src/cli/planText.ts';
import { arms } from '../../src/experiment/study/ablation.ts';
import { makePlan, studyProtocol } from '../../src/experiment/study/plan.ts';
import { sampleExperiment } from '../runs/sample.ts';

const planOf = (seeds: number, choice: Parameters<typeof arms>[1] = {}, block = {}) => {
  const all = arms(sampleExperiment(), choice);
  const numbers = Array.from({ length: seeds }, (_, i) => i);
  return makePlan({
    study: 'demo',
    arms: all,
    seeds: numbers,
    fingerprint: 'f',
    protocol: studyProtocol(block, all),
  });
};

const preview = (plan: ReturnType<typeof planOf>): PlanPreview => ({
  schema: 3,
  study: plan.study,
  seeds: plan.seeds,
  protocol: plan.protocol!,
  arms: plan.arms.map(({ name, kind, components, sameAs = null }) => {
    return { name, kind, components, reference: null, sameAs, runs: 5, finished: 0 };
  }),
  off: {},
  families: families(plan),
  runs: plan.runs.length,
  missing: plan.runs.length,
  stepsPerRun: 100,
  backend: 'cpu',
  msPerStep: 10,
  runSeconds: 1,
  disk: { run: 1, training: 1 },
});

describe('what the seeds can show', () => {
  test('nothing, said plainly, where no outcome could be significant', () => {
    const lines = planText(preview(planOf(5))).split('\n');
    expect(lines).toContain(
      'leave one out (10 comparisons): 5 seeds cannot give helps or hurts in a family of 10: 9 are needed',
    );
    expect(lines).toContain(
      'headline (2 comparisons): 5 seeds cannot give helps or hurts in a family of 2: 7 are needed',
    );
    expect(families(planOf(5)).map(({ mde, seedsNeeded }) => [mde, seedsNeeded])).toEqual([
      [null, 7],
      [null, 9],
    ]);
  });

  test('the difference that the test finds in Holm’s first step', () => {
    const [headline, left] = families(planOf(9));
    // nine differences of one sign: 1.9688 deviations (Φ(x)⁹ = 0.8); with two comparisons other outcomes are significant too
    expect(left!.mde! / 1.9687850824598483).toBeCloseTo(1, 1.7);
    expect(headline!.mde!).toBeLessThan(left!.mde!);
    expect(planText(preview(planOf(9)))).toMatch(
      /^leave one out \(10 comparisons\): finds a mean difference of 1\.9\d of its standard deviations with 80 % power \(sign-flip test, Holm’s first step\)$/m,
    );
  });

  test('δ as it was declared, and the arms that are not trained', () => {
    const choice = { disable: ['agc', 'pnm'], design: ['leave-one-out', 'ladder'] as ('ladder' | 'leave-one-out')[] };
    const text = planText(preview(planOf(9, choice, { delta: 0.00125 })));
    expect(text).toContain('δ = 0.125 points');
    expect(text).toMatch(/^-agc \(ladder\) +without agc +– +runs of -agc$/m);
  });
});
