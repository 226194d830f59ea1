/** What `ablate --plan` prints: arms, what each leaves out or adds, how much is finished, and what the rest costs. */
import type { Dataset } from '../data/dataset.ts';
import type { Engine } from '../experiment/execute.ts';
import { experimentOf } from '../experiment/plan.ts';
import { probeStep } from '../experiment/probe.ts';
import { missingRuns } from '../experiment/study.ts';
import { planRun } from '../experiment/train.ts';
import { columns } from '../report/columns.ts';
import type { Arm, StudyPlan } from '../runs/study.ts';
import { seconds } from './progress.ts';

export interface PlanPreview {
  readonly schema: 1;
  readonly study: string;
  readonly seeds: readonly number[];
  readonly arms: readonly (Pick<Arm, 'name' | 'kind' | 'components'> & { readonly finished: number })[];
  readonly runs: number;
  readonly missing: number;
  readonly stepsPerRun: number;
  readonly backend: string;
  readonly msPerStep: number;
  /** Of one run, evaluation aside. */
  readonly runSeconds: number;
}

export async function planPreview(
  dir: string,
  plan: StudyPlan,
  dataset: Dataset,
  engine: Engine,
): Promise<PlanPreview> {
  const missing = missingRuns(dir, plan);
  const { shape, classes } = dataset;
  const facts = { shape, classes, train: dataset.train.count, test: dataset.test.count };
  const full = planRun(experimentOf(plan, plan.runs[0]!), facts);
  const { msPerStep } = await probeStep(full, engine);
  return {
    schema: 1,
    study: plan.study,
    seeds: plan.seeds,
    arms: plan.arms.map(({ name, kind, components }) => {
      const left = missing.filter(({ arm }) => arm === name).length;
      return { name, kind, components, finished: plan.seeds.length - left };
    }),
    runs: plan.runs.length,
    missing: missing.length,
    stepsPerRun: full.totalSteps,
    backend: engine.record.name,
    msPerStep,
    runSeconds: (msPerStep * full.totalSteps) / 1000,
  };
}

const what = { full: 'everything on', without: 'without', baseline: 'baseline', with: 'AdamW with' };

export function planText({
  seeds,
  arms,
  runs,
  missing,
  stepsPerRun,
  backend,
  msPerStep,
  runSeconds,
}: PlanPreview): string {
  const rows = arms.map(({ name, kind, components, finished }) => [
    name,
    `${what[kind]} ${components.join(', ')}`.trim(),
    `${finished}/${seeds.length}`,
  ]);
  return [
    columns([['arm', 'what', 'finished'], ...rows]),
    '',
    `seeds ${seeds.join(', ')} · ${missing} of ${runs} runs to train · ${stepsPerRun} steps each`,
    `about ${seconds(runSeconds)} a run at ${msPerStep.toFixed(1)} ms a step (${backend}), ` +
      `${seconds(runSeconds * missing)} for what is missing, evaluation aside`,
  ].join('\n');
}
