import { Command } from '@commander-js/extra-typings';
import { runsOption } from './runsOption.ts';

export const showCommand = () =>
  new Command('show')
    .description('show one run: status, evaluations, times, component activity, environment')
    .argument('<run>', 'its folder, a part of its path under runs/, or the first digits of its id')
    .option('--json', 'print one JSON document')
    .addOption(runsOption())
    .addHelpText(
      'after',
      `
Examples:
  ranger21 show digits-nfresnet-1f3a9c02
  ranger21 show runs/ablation/-pnm/0-52c07d1e
  ranger21 show 1f3a --json`,
    )
    .action(async (run, { json, runs }) => {
      const [{ findRun }, { runText }, { toJson }, { readLogs }] = await Promise.all([
        import('../runs/find.ts'),
        import('../report/runText.ts'),
        import('../runs/metrics.ts'),
        import('../runs/read.ts'),
      ]);
      const entry = await findRun(runs, run);
      const { steps, evaluations } = await readLogs(entry.dir);
      if (json) console.log(toJson({ schema: 1, ...entry, lastStep: steps.at(-1) ?? null, evaluations }, 2));
      else console.log(runText(entry, steps, evaluations));
    });
