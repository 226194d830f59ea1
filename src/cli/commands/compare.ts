import { Command } from '@commander-js/extra-typings';
import { UserError } from '../../errors.ts';
import { runsOption } from '../runsOption.ts';
import { selectorHelp } from '../selectorHelp.ts';

export const compareCommand = () =>
  new Command('compare')
    .description(
      'runs side by side: what differs in their configs, their results, and paired differences where seeds agree',
    )
    .argument('<selectors...>', 'names and conditions of the runs; the first one’s configuration is the reference')
    .option('--accept-drift', 'take differences between runs of different training code all the same')
    .option('--json', 'print one JSON document')
    .addOption(runsOption())
    .addHelpText(
      'after',
      `
${selectorHelp}

Differences are of the held-out top-1 at the last step, between runs of the same seed, the same data and equal steps; none is
taken where initial weights, order or augmentation of the samples are not the same. Fewer than three seeds are described, not
tested.

Examples:
  ranger21 compare digits-nfresnet digits-resnet
  ranger21 compare ablation arm=ranger21,-pnm,adamw
  ranger21 compare digits-resnet 'optimizer.lr>=1e-3' --json`,
    )
    .action(async (words, { json, runs: root, acceptDrift }) => {
      const [{ meantWord, selectRuns }, { configReader }, { runsText }] = await Promise.all([
        import('../../runs/select.ts'),
        import('../../runs/configs.ts'),
        import('../../report/runsText.ts'),
      ]);
      const entries = (await selectRuns(root, words)).filter(({ state }) => state !== 'planned');
      if (entries.length === 0) {
        throw new UserError(`no run under ${root} matches ${words.join(' ')}${await meantWord(root, words)}`, {
          remedy: '`ranger21 ls` lists what is there',
        });
      }
      const [{ compareRuns }, { comparisonText }, { toJson }, { chanceIn }] = await Promise.all([
        import('../../experiment/compare/compareRuns.ts'),
        import('../../report/comparisonText.ts'),
        import('../../runs/metrics.ts'),
        import('../chance.ts'),
      ]);
      const configOf = configReader();
      const configs = await Promise.all(
        entries.map(async (entry) => ({ entry, config: entry.state === 'unreadable' ? {} : await configOf(entry) })),
      );
      const comparison = compareRuns(configs, { chance: await chanceIn(entries), acceptDrift });
      if (json) console.log(toJson({ schema: 1, runs: entries, ...comparison }, 2));
      else console.log(`${runsText(entries)}\n\n${comparisonText(comparison)}`);
    });
