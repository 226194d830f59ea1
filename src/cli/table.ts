import { Command, Option } from '@commander-js/extra-typings';
import { runsOption } from './runsOption.ts';

export const tableCommand = () =>
  new Command('table')
    .description('print the table of a study: every arm, its failures, and its paired difference to the full optimizer')
    .argument('<study>', 'its folder, or its name under runs/')
    .addOption(
      new Option('--format <name>', 'how to print it').choices(['md', 'csv', 'json'] as const).default('md' as const),
    )
    .option('--json', 'the same as --format json')
    .addOption(runsOption())
    .addHelpText(
      'after',
      `
Runs that are not finished or failed are counted in the table; it never averages over them silently.

Examples:
  ranger21 table ablation
  ranger21 table ablation --format csv > ablation.csv
  ranger21 table runs/ablation --json`,
    )
    .action(async (study, { format, json, runs }) => {
      const [{ findStudy }, { tableOf }] = await Promise.all([import('../runs/find.ts'), import('./tableOf.ts')]);
      const { texts } = await tableOf(runs, findStudy(runs, study));
      process.stdout.write(texts[json ? 'json' : format]);
    });
