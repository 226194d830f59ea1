/** What a reader must know before believing a row of a table. */
import type { RunEntry } from '../../runs/list.ts';
import { failedText, isFailure, stateWord, type RunState } from '../../runs/statuses.ts';
import type { StudyPlan } from '../../runs/study.ts';
import { inactivity } from './activity.ts';
import { versionOf } from './caption.ts';
import { armRuns, chanceOf, completedOf } from './outcomes.ts';
import { referenceOf, sameAgain } from '../study/protocol.ts';
import { codeDrift, differing, hardwareDrift } from './refusals.ts';
import type { Row } from './rows.ts';
import { tuningNotes } from '../search/notes.ts';

/** One sentence each; none when there is nothing to say. */
export function tableNotes(
  plan: StudyPlan,
  entries: readonly RunEntry[],
  rows: readonly Row[],
  gradientMs: number | undefined,
): string[] {
  const trainedRows = rows.filter(({ sameAs }) => sameAs === undefined);
  return [
    ...sameRunNotes(rows),
    ...failureNotes(plan, trainedRows),
    ...holeNotes(trainedRows),
    ...pairingNotes(plan, rows, entries),
    ...skewNotes(rows),
    ...hardwareDrift(plan, entries).map((line) => `${line}; times do not compare and are left out`),
    ...fasterNotes(rows, gradientMs),
    ...codeNotes(plan, entries),
    ...inactiveNotes(plan, entries, rows),
    ...tuningNotes(plan),
    ...fewSeeds(plan.seeds.length),
  ];
}

const sameRunNotes = (rows: readonly Row[]): string[] =>
  rows.flatMap(({ arm, sameAs }) =>
    sameAs === undefined ? [] : [`${arm} is the same configuration as ${sameAs}: the same runs, in another comparison`],
  );

/** Steps that were faster than forward and backward pass alone: then their difference is noise, and is not told. */
function fasterNotes(rows: readonly Row[], gradientMs: number | undefined): string[] {
  const faster = rows.filter(
    ({ msPerStep }) => msPerStep !== null && gradientMs !== undefined && msPerStep < gradientMs,
  );
  if (faster.length === 0) return [];
  const arms = faster.map(({ arm }) => arm).join(', ');
  return [
    `the optimizer’s time is not told for ${arms}: whole steps were faster than forward and backward pass when those were timed alone, ${gradientMs!.toPrecision(3)} ms`,
  ];
}

const fewSeeds = (n: number): string[] =>
  n < 3 ? [`${n} ${n === 1 ? 'seed describes' : 'seeds describe'} these runs and no others`] : [];

function failureNotes(plan: StudyPlan, rows: readonly Row[]): string[] {
  const failing = rows.filter(({ failureShare }) => failureShare && failureShare.failed > 0);
  if (failing.length === 0) return [];
  const each = failing.map(({ arm, failureShare, failures }) => {
    return `${arm} ${failuresText(failures, isFailure)} of ${failureShare!.of}`;
  });
  const chance = chanceOf(plan);
  return chance === undefined
    ? [`means are over completed runs only, since the plan does not say what guessing would reach: ${each.join(', ')}`]
    : [
        `runs that ${failedText} count at the accuracy of guessing, ${(100 * chance).toPrecision(3)} %: ${each.join(', ')}`,
      ];
}

function holeNotes(rows: readonly Row[]): string[] {
  const holes = rows.flatMap(({ arm, failures }) => {
    const missing = failuresText(failures, (state) => !isFailure(state));
    return missing === '' ? [] : [`${arm} (${missing})`];
  });
  return holes.length === 0 ? [] : [`missing, and in no mean: ${holes.join(', ')}`];
}

/** `2 stuck, 1 diverged`, of the states that are meant. */
export const failuresText = (failures: Row['failures'], isMeant: (state: RunState) => boolean = () => true): string =>
  (Object.entries(failures) as [RunState, number][])
    .flatMap(([state, count]) => (isMeant(state) ? [`${count} ${stateWord(state)}`] : []))
    .join(', ');

function pairingNotes(plan: StudyPlan, rows: readonly Row[], entries: readonly RunEntry[]): string[] {
  const each = rows.flatMap(({ arm, comparison }) => {
    if (!comparison) return [];
    const { refused, seeds, reference, differences, interval } = comparison;
    if (refused !== null) return [`no difference is taken between ${arm} and ${reference}: ${refused}`];
    if (seeds.length === 0) return [];
    return [
      ...(seeds.length < plan.seeds.length
        ? [`${arm} − ${reference} is over the seeds both have: ${seeds.join(', ')}`]
        : []),
      ...(differences.length > 1 && interval === null
        ? [`${arm} − ${reference} is the same at every seed: there is no spread to make an interval of`]
        : []),
    ];
  });
  const unproven = completedOf(entries).filter(({ result }) => !result.pairing).length;
  const said =
    unproven > 0 ? [`${unproven} runs do not record what they share with others: pairing is by seed alone`] : [];
  return [...each, ...said];
}

/** Where the test and the interval of a mean say different things, as they do where one failed run makes the mean. */
function skewNotes(rows: readonly Row[]): string[] {
  const skewed = rows.flatMap(({ arm, comparison }) => {
    const { verdict, interval } = comparison ?? {};
    return verdict?.bold && interval && interval[0] <= 0 && interval[1] >= 0 ? [arm] : [];
  });
  return skewed.length === 0
    ? []
    : [
        `significant although the interval holds 0: ${skewed.join(', ')}; a few seeds differ far more than the others, which widens the interval and not the test`,
      ];
}

function codeNotes(plan: StudyPlan, entries: readonly RunEntry[]): string[] {
  const drifted = codeDrift(plan, entries);
  const versions = differing(plan, 'versions', completedOf(entries), (entry) => versionOf(entry) ?? 'unknown');
  const resumed = completedOf(entries).filter(({ result }) => (result.drift ?? []).length > 0);
  return [
    ...(drifted.length > 0 ? drifted : versions).map((line) => `${line}; differences may come from it`),
    ...resumed.map(({ arm, seed, result }) => `${arm} seed ${seed} was continued although ${result.drift!.join(', ')}`),
  ];
}

/** Where components that a row is about did nothing. */
function inactiveNotes(plan: StudyPlan, entries: readonly RunEntry[], rows: readonly Row[]): string[] {
  const idle = rows.find(({ arm }) => arm === plan.reference)?.inactive ?? [];
  const silent = plan.arms.flatMap((arm) => {
    const reference = referenceOf(plan, arm);
    if (!reference || arm.kind !== 'with' || arm.name === sameAgain) return [];
    const runs = armRuns(plan, arm, entries);
    return inactivity(runs, armRuns(plan, reference, entries)) === null ? [] : [arm.name];
  });
  const says = 'this study says nothing about that';
  return [
    ...(idle.length > 0 ? [`on in ${plan.reference} without doing anything: ${idle.join(', ')}; ${says}`] : []),
    ...(silent.length > 0 ? [`what these arms add did nothing: ${silent.join(', ')}; ${says}`] : []),
  ];
}
