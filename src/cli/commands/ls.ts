import { Command } from '@commander-js/extra-typings';
import { finishedStatuses, listed } from '../../runs/statuses.ts';
import { runsOption } from '../runsOption.ts';
import { selectorHelp } from '../selectorHelp.ts';
import { collectNames } from '../strictOptions.ts';

export const lsCommand = () =>
  new Command('ls')
    .description('list runs: finished, running, stopped, failed and planned')
    .argument('[selectors...]', 'names and conditions, e.g. ablation arm=ranger21 status=failed')
    .option('--sort <keys>', 'by these, comma-separated; -KEY: the largest first', collectNames)
    .option('--columns <keys>', 'show these, comma-separated, e.g. arm,seed,optimizer.lr,top1', collectNames)
    .option('--json', 'print one JSON document')
    .addOption(runsOption())
    .addHelpText(
      'after',
      `
${selectorHelp}

Status is ${listed(finishedStatuses)} of a finished run; else
running (a live process has it), interrupted, failed, lost (its process is gone without a word), planned or unreadable. \`ranger21 run\` and \`ablate\` go on
with what stopped, from the step that is named.

Examples:
  ranger21 ls
  ranger21 ls ablation status=stuck,diverged
  ranger21 ls 'optimizer.lr>=1e-3' arm=ranger21 --sort -top1
  ranger21 ls 'arm=-*' seed=0 --columns arm,seed,optimizer.components.agc,top1 --json`,
    )
    .action(async (selectors, { json, runs: root, sort, columns }) => {
      const [{ configured, meantWord, selectRuns, valueOf }, { sorted }, { toJson }, { chosenColumns, runsText }] =
        await Promise.all([
          import('../../runs/select.ts'),
          import('../../runs/sort.ts'),
          import('../../runs/metrics.ts'),
          import('../../report/runsText.ts'),
        ]);
      const selected = await selectRuns(root, selectors);
      const [by, shown] = [sort ?? [], columns];
      const runs = await configured(selected, [...by.map((key) => key.replace(/^-/, '')), ...(shown ?? [])]);
      const listed = sorted(runs, by);
      if (json) {
        const values = (run: (typeof runs)[number]) =>
          shown && { values: Object.fromEntries(shown.map((key) => [key, valueOf(run, key) ?? null])) };
        return console.log(toJson({ schema: 1, runs: listed.map((run) => ({ ...run.entry, ...values(run) })) }, 2));
      }
      if (listed.length > 0)
        return console.log(shown ? chosenColumns(listed, shown) : runsText(listed.map(({ entry }) => entry)));
      console.error(
        selectors.length > 0
          ? `no run under ${root} matches ${selectors.join(' ')}${await meantWord(root, selectors)}`
          : `no runs under ${root}`,
      );
    });
