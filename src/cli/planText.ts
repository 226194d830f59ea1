/** What `ablate --plan` prints: arms, what each leaves out or adds, what is finished, and what the rest costs and can show. */
import type { Dataset } from '../data/dataset.ts';
import { diskSpace, type DiskSpace } from '../experiment/study/diskSpace.ts';
import type { Engine } from '../experiment/execute.ts';
import { experimentOf } from '../experiment/study/plan.ts';
import { familySizes, inPoints, protocolOf, referenceOf } from '../experiment/study/protocol.ts';
import { probeStep } from '../experiment/study/probe.ts';
import { detectableEffect, seedsToReject } from '../experiment/statistics/power.ts';
import { tooFewSeeds } from '../experiment/table/verdict.ts';
import { missingRuns } from '../experiment/study/study.ts';
import { planFor } from '../experiment/train.ts';
import { components, type ComponentName } from '../optim/components/registry.ts';
import { columns } from '../report/columns.ts';
import type { Arm, Protocol, StudyPlan } from '../runs/study.ts';
import { seconds } from './progress.ts';

export interface PlanPreview {
  readonly schema: 3;
  readonly study: string;
  readonly seeds: readonly number[];
  readonly protocol: Protocol;
  readonly arms: readonly (Pick<Arm, 'name' | 'kind' | 'components'> & {
    readonly reference: string | null;
    /** The arm whose runs it shares; null where it is trained itself. */
    readonly sameAs: string | null;
    readonly runs: number;
    readonly finished: number;
  })[];
  /** What a step does without each component that an arm leaves out. */
  readonly off: Readonly<Record<string, string>>;
  /** By family: how many comparisons are corrected together, and from how many seeds on any can be significant. */
  readonly families: readonly {
    readonly family: string;
    readonly comparisons: number;
    readonly seedsNeeded: number;
    /**
     * Minimum detectable effect in standard deviations of the differences: what the sign-flip test finds with 80 % power in Holm's
     * first step. Null where no difference can be significant.
     */
    readonly mde: number | null;
  }[];
  readonly runs: number;
  readonly missing: number;
  readonly stepsPerRun: number;
  readonly backend: string;
  readonly msPerStep: number;
  /** Of one run, evaluation aside. */
  readonly runSeconds: number;
  /** Bytes. */
  readonly disk: DiskSpace;
}

export async function planPreview(
  dir: string,
  plan: StudyPlan,
  dataset: Dataset,
  engine: Engine,
): Promise<PlanPreview> {
  const missing = missingRuns(dir, plan);
  const full = planFor(experimentOf(plan, plan.runs[0]!), dataset);
  const { msPerStep } = await probeStep(full, engine);
  const named = new Set(plan.arms.flatMap((arm) => (arm.kind === 'without' ? arm.components : [])));
  return {
    schema: 3,
    study: plan.study,
    seeds: plan.seeds,
    protocol: protocolOf(plan),
    arms: plan.arms.map((arm) => {
      const runs = plan.runs.filter((run) => run.arm === arm.name).length;
      const left = missing.filter((run) => run.arm === arm.name).length;
      const { name, kind, components, sameAs = null } = arm;
      const reference = referenceOf(plan, arm)?.name ?? null;
      return { name, kind, components, reference, sameAs, runs, finished: runs - left };
    }),
    off: Object.fromEntries([...named].map((name) => [name, components[name as ComponentName].off])),
    families: families(plan),
    runs: plan.runs.length,
    missing: missing.length,
    stepsPerRun: full.totalSteps,
    backend: engine.record.name,
    msPerStep,
    runSeconds: (msPerStep * full.totalSteps) / 1000,
    disk: diskSpace(full),
  };
}

/** What the comparisons of a plan can show, the controls aside. */
export function families(plan: StudyPlan): PlanPreview['families'] {
  const sizes = [...familySizes(plan)].filter(([family]) => family !== 'controls');
  const { alpha } = protocolOf(plan);
  const seeds = plan.seeds.length;
  return sizes.map(([family, comparisons]) => ({
    family,
    comparisons,
    seedsNeeded: seedsToReject(comparisons, alpha),
    mde: detectableEffect(seeds, alpha / comparisons),
  }));
}

export function planText(preview: PlanPreview): string {
  const { seeds, arms, off, protocol, runs, missing, stepsPerRun, backend, msPerStep, runSeconds, disk } = preview;
  const rows = arms.map((arm) => [arm.name, what(arm), arm.reference ?? '–', finishedText(arm)]);
  const offs = Object.entries(off).map(([name, text]) => [`${name} off`, text]);
  return [
    columns([['arm', 'what', 'compared with', 'finished'], ...rows]),
    ...(offs.length > 0 ? ['', columns(offs)] : []),
    '',
    `seeds ${seeds.join(', ')} · ${missing} of ${runs} runs to train · ${stepsPerRun} steps each`,
    `about ${seconds(runSeconds)} a run at ${msPerStep.toFixed(1)} ms a step (${backend}), ` +
      `${seconds(runSeconds * missing)} for what is missing, evaluation aside`,
    `disk: ${bytes(disk.run * missing)} for what is missing, and ${bytes(disk.training)} for each run while it trains`,
    `declared: α = ${protocol.alpha}, δ = ${inPoints(protocol.delta)} points, ${protocol.tier}, ` +
      `the full optimizer against ${protocol.headline}`,
    ...preview.families.map((family) => familyText(family, seeds.length, protocol.alpha)),
  ].join('\n');
}

const finishedText = ({ sameAs, finished, runs }: PlanPreview['arms'][number]): string =>
  sameAs === null ? `${finished}/${runs}` : `runs of ${sameAs}`;

function what({ kind, components }: PlanPreview['arms'][number]): string {
  const names = components.join(', ');
  switch (kind) {
    case 'full':
      return 'everything on';
    case 'without':
      return `without ${names}`;
    case 'baseline':
      return 'baseline';
    case 'with':
      return `with ${names}`;
    case 'screen':
      return `on: ${names || 'nothing'}`;
    case 'named':
      return 'your own';
    case 'control':
      return 'control';
  }
}

function familyText(
  { family, comparisons, mde }: PlanPreview['families'][number],
  seeds: number,
  alpha: number,
): string {
  const size = `${family} (${comparisons} ${comparisons === 1 ? 'comparison' : 'comparisons'})`;
  if (seeds < 3) return `${size}: ${seeds} ${seeds === 1 ? 'seed is' : 'seeds are'} descriptive only`;
  return mde === null
    ? `${size}: ${tooFewSeeds(seeds, comparisons, alpha)}`
    : `${size}: finds a mean difference of ${mde.toFixed(2)} of its standard deviations with 80 % power (sign-flip test, Holm’s first step)`;
}

/** `3.4 MB` */
const bytes = (count: number): string => {
  const [unit, size] =
    count < 1e6 ? (['kB', 1e3] as const) : count < 1e9 ? (['MB', 1e6] as const) : (['GB', 1e9] as const);
  return `${(count / size).toPrecision(3)} ${unit}`;
};
