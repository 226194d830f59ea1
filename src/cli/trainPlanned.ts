import { basename, join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { UserError } from '../errors.ts';
import {
  backendOption,
  determinismOption,
  deviceOption,
  openEngine,
  precisionOption,
  threadsOption,
  xlaOption,
} from './engine.ts';

/** What `ablate --jobs` starts; not in the help. */
export const trainPlannedCommand = () =>
  new Command('train-planned')
    .description('train one run of a frozen plan')
    .argument('<study>', 'folder of the study')
    .argument('<path>', 'the run’s path in the plan')
    .addOption(backendOption())
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addOption(precisionOption())
    .addOption(determinismOption())
    .addOption(xlaOption())
    .action(async (dir, path, options) => {
      const [{ readPlan }, { experimentOf }, { datasets }, { execute }, { stopOnSignals }] = await Promise.all([
        import('../runs/study.ts'),
        import('../experiment/plan.ts'),
        import('../data/registry.ts'),
        import('../experiment/execute.ts'),
        import('./signals.ts'),
      ]);
      const plan = await readPlan(dir);
      const run = plan.runs.find((planned) => planned.path === path);
      if (!run) throw new UserError(`${basename(dir)} plans no run ${path}`, { remedy: 'see its plan.json' });
      const experiment = experimentOf(plan, run);
      const dataset = await datasets[experiment.dataset.name].load(experiment.dataset);
      if (dataset.fingerprint !== plan.fingerprint) {
        throw new UserError(`the data of ${experiment.dataset.name} changed since the study was planned`, {
          remedy: 'restore them, or start a study of its own',
        });
      }
      const stop = stopOnSignals();
      const study = { name: plan.study, arm: run.arm };
      const outcome = await execute(experiment, dataset, join(dir, path), await openEngine(options), {
        study,
        signal: stop.signal,
      });
      stop.release();
      if (outcome.kind === 'interrupted') process.exitCode = stop.exitCode() ?? 130;
    });
