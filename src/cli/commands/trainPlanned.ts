import { basename, join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { UserError } from '../../errors.ts';
import { acceptDriftOption, openEngine, resumeOption, withEngine } from '../engine.ts';

/** What `ablate --jobs` starts; not in the help. */
export const trainPlannedCommand = () =>
  withEngine(
    new Command('train-planned')
      .description('train one run of a frozen plan')
      .argument('<study>', 'folder of the study')
      .argument('<path>', 'the run’s path in the plan')
      .addOption(resumeOption())
      .addOption(acceptDriftOption()),
  ).action(async (dir, path, options) => {
    const [
      { readPlan },
      { experimentOf },
      { datasets },
      { execute },
      { stopOnSignals },
      { followParent },
      { checkedExperiment },
    ] = await Promise.all([
      import('../../runs/study.ts'),
      import('../../experiment/study/plan.ts'),
      import('../../data/registry.ts'),
      import('../../experiment/execute.ts'),
      import('../signals.ts'),
      import('../parent.ts'),
      import('../../config/check.ts'),
    ]);
    const stop = stopOnSignals();
    const report = followParent(stop, true);
    const plan = await readPlan(dir);
    const run = plan.runs.find((planned) => planned.path === path);
    if (!run) throw new UserError(`${basename(dir)} plans no run ${path}`, { remedy: 'see its plan.json' });
    // an arm need not have what its study disables or searches
    const experiment = checkedExperiment(
      { ...experimentOf(plan, run), study: undefined },
      `${run.path} in ${dir}/plan.json`,
    );
    const dataset = await datasets[experiment.dataset.name].load(experiment.dataset);
    if (dataset.fingerprint !== plan.fingerprint) {
      throw new UserError(`the data of ${experiment.dataset.name} changed since the study was planned`, {
        remedy: 'restore them, or start a study of its own',
      });
    }
    const outcome = await execute(experiment, dataset, join(dir, path), await openEngine(options), {
      study: { name: plan.study, arm: run.arm },
      resume: options.resume,
      acceptDrift: options.acceptDrift,
      signal: stop.signal,
      onStep: ({ step, loss }, { totalSteps }) => report({ step, totalSteps, loss }),
      tell: (line) => report({ tell: line }),
    });
    stop.release();
    if (outcome.kind === 'interrupted') process.exitCode = stop.exitCode() ?? 130;
  });
