import { Command } from '@commander-js/extra-typings';
import type { RunResult } from '../../runs/metrics.ts';
import { statuses } from '../../runs/statuses.ts';
import { expectOption } from '../expectOption.ts';
import { acceptDriftOption, openEngine, resumeOption, seed, withEngine } from '../engine.ts';
import { runsOption } from '../runsOption.ts';
import { timeLimitOption } from '../signals.ts';
import { collect } from '../strictOptions.ts';

export const runCommand = () =>
  withEngine(
    new Command('run')
      .description('train one experiment and write its run folder')
      .argument('<config>', 'experiment file, e.g. configs/digits-nfresnet.yaml')
      .option('--set <key=value>', 'override one value, e.g. optimizer.lr=3e-4 (repeatable)', collect)
      .option('--unset <key>', 'remove one value (repeatable)', collect)
      .option('--seed <n>', 'seed, instead of the config’s', seed)
      .option('--dry-run', 'build the model and one batch, say what would happen, and stop')
      .option('--json', 'print the result as one JSON document')
      .option('--resume', 'go on where an unfinished run stopped (the default)')
      .addOption(resumeOption())
      .addOption(acceptDriftOption())
      .addOption(timeLimitOption())
      .addOption(expectOption())
      .addOption(runsOption()),
  )
    .addHelpText(
      'after',
      `
Asked again, a finished run is only told, and an unfinished one goes on from its last checkpoint, to the same result.

Examples:
  ranger21 run configs/digits-nfresnet.yaml
  ranger21 run configs/digits-resnet.yaml --set optimizer.components.pnm=false --seed 1
  ranger21 run configs/cifar10-nfresnet.yaml --dry-run`,
    )
    .action(async (config, options) => {
      const [{ loadConfig }, { loadDataset }, { trainHere }, { tellSchedule }, { isFinished, runDir }] =
        await Promise.all([
          import('../loadConfig.ts'),
          import('../loadDataset.ts'),
          import('../trainHere.ts'),
          import('../tellSchedule.ts'),
          import('../../runs/store.ts'),
        ]);
      const loaded = await loadConfig(config, { set: options.set, unset: options.unset, purpose: 'run' });
      const { asExpected, exitAsExpected, tellExpectations } = await import('../expectation.ts');
      const expected = await asExpected(config, loaded.experiment);
      const experiment = { ...expected, seed: options.seed ?? expected.seed };
      if (options.dryRun) {
        const { dryRun } = await import('../dryRun.ts');
        return dryRun(experiment, await openEngine(options), options.json ?? false);
      }

      const dataset = await loadDataset(experiment.dataset);
      const engine = await openEngine(options);
      const isDone = isFinished(runDir(options.runs, experiment, dataset.fingerprint));
      if (!isDone) tellSchedule([{ name: experiment.name, experiment }], dataset.train.count);
      const trained = await trainHere(experiment, dataset, engine, { ...options, title: experiment.name });
      if (trained === undefined) return;
      const { result, dir } = trained;
      if (trained.kind === 'finished before') console.error(`finished before, nothing to do: ${dir}`);
      if (options.json) console.log(JSON.stringify({ dir, ...result }, null, 2));
      else console.log(summary(dir, result));
      const code = statuses[result.status].exitCode;
      if (code !== 0) process.exitCode = code;
      const { expect, name } = experiment;
      if (expect) exitAsExpected(tellExpectations(name, expect, [result]), options.expect);
    });

function summary(dir: string, result: RunResult): string {
  const percent = (x: number) => `${(100 * x).toFixed(2)} %`;
  const { last, best } = result;
  const isEvaluated = !Number.isNaN(last.top1); // NaN: diverged before the first evaluation
  return [
    `${result.status}${result.reason ? `: ${result.reason}` : ''}`,
    isEvaluated
      ? `test top-1 ${percent(last.top1)} (best ${percent(best.top1)}), loss ${last.loss.toFixed(4)}`
      : 'never evaluated',
    `${result.steps} steps in ${result.trainSeconds.toFixed(1)} s, ${result.msPerStep.toFixed(1)} ms a step (median), ` +
      `${result.imagesPerSecond.toFixed(0)} images/s, ${percent(result.dataWaitShare)} of the time waiting for data, backend ${result.backend.name} on ${result.backend.device ?? 'cpu'}`,
    dir,
  ].join('\n');
}
