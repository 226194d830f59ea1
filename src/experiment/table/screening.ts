/** Effects of a screening design: what switching a component on does on average over the other settings. */
import { nameIndex, stream } from '../../random.ts';
import type { StudyPlan } from '../../runs/study.ts';
import { aliases, type Signs } from '../study/designs.ts';
import { judged, measures, type Judgement, type Measures } from './measures.ts';
import { chanceOf, failuresOf, finalTop1, type ArmRuns } from './outcomes.ts';
import { pairingProblem } from './pairing.ts';
import { protocolOf } from '../study/protocol.ts';
import { mean } from '../statistics/describe.ts';

/**
 * Mean top-1 of the runs with the component less that of the runs without; one effect for each seed that all runs have. The
 * verdict is about the component: one that helps raises the top-1 when it is switched on.
 */
export interface ScreenEffect extends Measures, Judgement {
  readonly component: string;
  readonly arms: readonly string[];
  readonly seeds: readonly number[];
  readonly effects: readonly number[];
  /** Interactions this effect cannot be told from: `agc×pnm (⅓)`. */
  readonly aliases: readonly string[];
}

/** The effects of the study's screening arms; none where it has none. */
export function screenEffects(plan: StudyPlan, runs: readonly ArmRuns[]): ScreenEffect[] {
  const screen = runs.filter(({ arm }) => arm.kind === 'screen');
  const components = [...new Set(screen.flatMap(({ arm }) => arm.components))];
  if (screen.length === 0) return [];
  const protocol = protocolOf(plan);
  const signs: Signs = screen.map(({ arm }) => components.map((name) => (arm.components.includes(name) ? 1 : -1)));
  const failed = screen.some(({ entries }) => failuresOf(entries).length > 0);
  const values = screen.map((arm) => finalTop1(arm, failed ? chanceOf(plan) : undefined));
  const problem = screen.map((arm) => pairingProblem(arm, screen[0]!)).find((text) => text !== undefined);
  const seeds = plan.seeds.filter((seed) => values.every((bySeed) => bySeed.has(seed)));
  const objection = problem ? `not paired: ${problem}` : seeds.length === 0 ? 'no complete seed' : null;

  const tests = components.map((component, i) => {
    const differences = objection
      ? []
      : seeds.map((seed) =>
          contrast(
            signs,
            i,
            values.map((bySeed) => bySeed.get(seed)!),
          ),
        );
    const draws = stream(0, 'statistics', 4, nameIndex(component));
    return { family: 'screening', differences, objection, measures: measures(differences, protocol, draws) };
  });
  const mixed = aliases(signs);
  return judged(tests, protocol).map((judgement, i) => ({
    component: components[i]!,
    arms: screen.map(({ arm }) => arm.name),
    seeds: objection ? [] : seeds,
    effects: tests[i]!.differences,
    ...tests[i]!.measures,
    ...judgement,
    aliases: mixed[i]!.map(
      ({ interaction: [a, b], share }) => `${components[a]}×${components[b]} (${Number(share.toFixed(2))})`,
    ),
  }));
}

/** Mean with the factor on less mean with it off. */
function contrast(signs: Signs, factor: number, values: readonly number[]): number {
  const side = (sign: 1 | -1) => mean(values.filter((_, run) => signs[run]![factor] === sign));
  return side(1) - side(-1);
}
