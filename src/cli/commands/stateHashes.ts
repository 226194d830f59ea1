import { Command } from '@commander-js/extra-typings';
import type { StepHashes } from '../../experiment/verify/stateHashes.ts';
import { count, openEngine, withEngine } from '../engine.ts';
import { collect } from '../strictOptions.ts';

/** What `verify determinism` starts, once a variant; not in the help. */
export const stateHashesCommand = () =>
  withEngine(
    new Command('state-hashes')
      .description('train the first steps and print the hash of every tensor after each, one JSON line a step')
      .argument('<config>', 'experiment file')
      .requiredOption('--steps <n>', 'how many', count)
      .option('--set <key=value>', 'override one value (repeatable)', collect)
      .option('--unset <key>', 'remove one value (repeatable)', collect),
  ).action(async (config, options) => {
    const [{ loadConfig }, { datasets }, { planFor }, { stateHashes }] = await Promise.all([
      import('../loadConfig.ts'),
      import('../../data/registry.ts'),
      import('../../experiment/train.ts'),
      import('../../experiment/verify/stateHashes.ts'),
    ]);
    const { experiment } = await loadConfig(config, { set: options.set, unset: options.unset, purpose: 'run' });
    const dataset = await datasets[experiment.dataset.name].load(experiment.dataset);
    const print = (hashes: StepHashes) => console.log(JSON.stringify(hashes));
    await stateHashes(planFor(experiment, dataset), dataset, await openEngine(options), options.steps, print);
  });
