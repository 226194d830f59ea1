import { Command } from '@commander-js/extra-typings';
import { runsOption } from '../runsOption.ts';
import { selectorHelp } from '../selectorHelp.ts';

export const showCommand = () =>
  new Command('show')
    .description('show one run: status, evaluations, times, component activity, environment')
    .argument(
      '<selectors...>',
      'its folder, a part of its path, the first digits of its id, or conditions it alone meets',
    )
    .option('--json', 'print one JSON document')
    .addOption(runsOption())
    .addHelpText(
      'after',
      `
${selectorHelp}

Examples:
  ranger21 show digits-nfresnet-1f3a9c02
  ranger21 show runs/ablation/-pnm/0-52c07d1e
  ranger21 show ablation arm=-pnm seed=0
  ranger21 show 1f3a --json`,
    )
    .action(async (words, { json, runs }) => {
      const [{ selectRun }, { runText }, { toJson }, { readLogs }] = await Promise.all([
        import('../../runs/select.ts'),
        import('../../report/runText.ts'),
        import('../../runs/metrics.ts'),
        import('../../runs/read.ts'),
      ]);
      const entry = await selectRun(runs, words);
      const { steps, evaluations } = await readLogs(entry.dir);
      if (json) console.log(toJson({ schema: 1, ...entry, lastStep: steps.at(-1) ?? null, evaluations }, 2));
      else console.log(runText(entry, steps, evaluations));
    });
