/** What `ablate --plan` prints: arms, what each leaves out or adds, how much is finished, and what the rest costs. */
import type { Dataset } from '../data/dataset.ts';
import type { Engine } from '../experiment/execute.ts';
import { experimentOf } from '../experiment/plan.ts';
import { probeStep } from '../experiment/probe.ts';
import { missingRuns } from '../experiment/study.ts';
import { planRun } from '../experiment/train.ts';
import { columns } from '../report/columns.ts';
import type { StudyPlan } from '../runs/study.ts';
import { seconds } from './progress.ts';

export async function planText(dir: string, plan: StudyPlan, dataset: Dataset, engine: Engine): Promise<string> {
  const missing = missingRuns(dir, plan);
  const { shape, classes } = dataset;
  const facts = { shape, classes, train: dataset.train.count, test: dataset.test.count };
  const full = planRun(experimentOf(plan, plan.runs[0]!), facts);
  const { msPerStep } = await probeStep(full, engine);
  const runSeconds = (msPerStep * full.totalSteps) / 1000;
  const what = { full: 'everything on', without: 'without', baseline: 'baseline', with: 'AdamW with' };
  const rows = plan.arms.map(({ name, kind, components }) => {
    const left = missing.filter(({ arm }) => arm === name).length;
    return [name, `${what[kind]} ${components.join(', ')}`.trim(), `${plan.seeds.length - left}/${plan.seeds.length}`];
  });
  return [
    columns([['arm', 'what', 'finished'], ...rows]),
    '',
    `seeds ${plan.seeds.join(', ')} · ${missing.length} of ${plan.runs.length} runs to train · ${full.totalSteps} steps each`,
    `about ${seconds(runSeconds)} a run at ${msPerStep.toFixed(1)} ms a step (${engine.record.name}), ` +
      `${seconds(runSeconds * missing.length)} for what is missing, evaluation aside`,
  ].join('\n');
}
