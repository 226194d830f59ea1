import { Command } from '@commander-js/extra-typings';
import {
  backendOption,
  collect,
  count,
  determinismOption,
  deviceOption,
  openEngine,
  precisionOption,
  threadsOption,
  xlaOption,
} from './engine.ts';

/** What `verify determinism` starts, once a variant; not in the help. */
export const stateHashesCommand = () =>
  new Command('state-hashes')
    .description('train the first steps and print the hash of every tensor after each, one JSON line a step')
    .argument('<config>', 'experiment file')
    .requiredOption('--steps <n>', 'how many', count)
    .option('--set <key=value>', 'override one value (repeatable)', collect)
    .option('--unset <key>', 'remove one value (repeatable)', collect)
    .addOption(backendOption())
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addOption(precisionOption())
    .addOption(determinismOption())
    .addOption(xlaOption())
    .action(async (config, options) => {
      const [{ loadExperiment }, { datasets }, { planRun }, { stateHashes }] = await Promise.all([
        import('../config/load.ts'),
        import('../data/registry.ts'),
        import('../experiment/train.ts'),
        import('../experiment/stateHashes.ts'),
      ]);
      const { experiment } = await loadExperiment(config, options);
      const dataset = await datasets[experiment.dataset.name].load(experiment.dataset);
      const { shape, classes } = dataset;
      const plan = planRun(experiment, { shape, classes, train: dataset.train.count, test: dataset.test.count });
      for await (const step of stateHashes(plan, dataset, await openEngine(options), options.steps)) {
        console.log(JSON.stringify(step));
      }
    });
