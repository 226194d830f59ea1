import { Command, Option } from '@commander-js/extra-typings';
import { runsOption } from '../runsOption.ts';

export const tableCommand = () =>
  new Command('table')
    .description('print the table of a study: every arm, its failures, its paired difference and the verdict on it')
    .argument('<study>', 'its folder, or its name under runs/')
    .addOption(
      new Option('--format <name>', 'how to print it')
        .choices(['md', 'csv', 'json', 'tex'] as const)
        .default('md' as const),
    )
    .option('--json', 'the same as --format json')
    .option('--check', 'print nothing, but compare the tables in the study’s folder with its runs; 5: they differ')
    .option('--accept-drift', 'compare runs of different training code all the same')
    .addOption(runsOption())
    .addHelpText(
      'after',
      `
Runs that are not finished or failed are counted in the table; it never averages over them silently.

Examples:
  ranger21 table ablation
  ranger21 table ablation --format csv > ablation.csv
  ranger21 table runs/ablation --json
  ranger21 table ablation --check`,
    )
    .action(async (study, { format, json, check, acceptDrift, runs }) => {
      const [{ findStudy }, { tableOf }] = await Promise.all([import('../../runs/find.ts'), import('../tableOf.ts')]);
      const dir = findStudy(runs, study);
      const { texts } = await tableOf(runs, dir, { acceptDrift });
      if (!check) return void process.stdout.write(texts[json ? 'json' : format]);
      const { checkTables } = await import('../checkTables.ts');
      await checkTables(dir, texts);
    });
