import { Command } from '@commander-js/extra-typings';
import { runsOption } from '../runsOption.ts';

export const reportCommand = () =>
  new Command('report')
    .description('write a study’s report: one page with its table and figures, and each figure as SVG and CSV')
    .argument('<study>', 'its folder, or its name under runs/')
    .option('--accept-drift', 'compare runs of different training code all the same')
    .addOption(runsOption())
    .addHelpText(
      'after',
      `
Writes report.html, figures/ and curves.json into the study's folder and prints the path of the page, which needs no network.
From curves.json the report can be made again where the logs of the steps were not kept.
Runs that are not finished or failed are shown as that.

Examples:
  ranger21 report ablation
  xdg-open "$(ranger21 report ablation)"`,
    )
    .action(async (study, { runs, acceptDrift }) => {
      const [{ findStudy }, { reportOf }, { writeReport }] = await Promise.all([
        import('../../runs/find.ts'),
        import('../reportOf.ts'),
        import('../../runs/report.ts'),
      ]);
      const dir = findStudy(runs, study);
      console.log(await writeReport(dir, await reportOf(runs, dir, { acceptDrift })));
    });
