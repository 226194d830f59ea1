import { join } from 'node:path';
import { Command, Option } from '@commander-js/extra-typings';
import { UserError } from '../../errors.ts';
import { endStudy } from '../endStudy.ts';
import { acceptDriftOption, count, openEngine, resumeOption, withEngine } from '../engine.ts';
import { runsOption } from '../runsOption.ts';
import { timeLimitOption } from '../signals.ts';
import { collect } from '../strictOptions.ts';

export const sweepCommand = () =>
  withEngine(
    new Command('sweep')
      .description('try hyperparameters of one experiment, scored on a part of its training images')
      .argument('<config>', 'experiment file, e.g. configs/digits-nfresnet.yaml')
      .option('--space <key=range>', 'range of one hyperparameter, instead of the config’s (repeatable)', collect)
      .option('--trials <n>', 'how many settings, instead of the config’s', count)
      .addOption(
        new Option('--design <name>', 'how they cover the space').choices([
          'halton',
          'sobol',
          'grid',
          'random',
        ] as const),
      )
      .option('--seeds <n>', 'runs a trial, instead of the config’s', count)
      .option('--study <name>', 'folder under runs/; by default the experiment’s name and -sweep')
      .option('--jobs <n>', 'runs at a time, each in a process of its own', count, 1)
      .option('--plan', 'say what would be tried, and stop')
      .option('--set <key=value>', 'override one value in every trial (repeatable)', collect)
      .option('--unset <key>', 'remove one value in every trial (repeatable)', collect)
      .option('--json', 'print the trials as one JSON document')
      .addOption(resumeOption())
      .addOption(acceptDriftOption())
      .addOption(timeLimitOption())
      .addOption(runsOption()),
  )
    .addHelpText(
      'after',
      `
A range is {log: [1e-4, 1e-1]}, {linear: [0, 1]}, {int: [1, 8]}, {choice: [a, b]} or {oneMinusLog: [1e-3, 0.1]}, the last for a
β from 0.9 to 0.999. Trials are scored on a share of the training images that they do not train on (study.search.holdOut): the
test set stays for what is chosen. Asked again, what is missing is trained; more trials may be asked for.

Examples:
  ranger21 sweep configs/digits-nfresnet.yaml --space 'optimizer.lr={log: [1e-4, 1e-1]}' --trials 16
  ranger21 sweep configs/digits-resnet.yaml --space 'optimizer.lr={log: [1e-3, 1e-1]}' --design grid --trials 5 --seeds 3`,
    )
    .action(async (config, options) => {
      const [{ askedSweep, tryAll, readAll }, { isRun }] = await Promise.all([
        import('../sweepTrials.ts'),
        import('../../runs/list.ts'),
      ]);
      const asked = await askedSweep(config, options);
      const dir = join(options.runs, asked.study);
      if (isRun(dir)) throw new UserError(`${dir} is the folder of a run`, { remedy: 'choose another --study NAME' });
      const { trialsText, armText } = await import('../../report/ledgerText.ts');
      const { toJson } = await import('../../runs/metrics.ts');
      const print = (ledger: Parameters<typeof trialsText>[0]) =>
        console.log(options.json ? toJson(ledger, 2) : trialsText(ledger));

      if (options.plan) {
        const { ledger, cost } = await readAll(dir, asked, await openEngine(options));
        print(ledger);
        return console.error(cost);
      }
      await openEngine(options); // before the trials are frozen: without an engine nothing is begun
      const { ledger, end } = await tryAll(dir, asked, options);
      print(ledger);
      const [arm] = ledger.arms;
      console.error(`ranger21: ${armText(arm!)} → ${dir}/tuning.json`);
      endStudy(end, arm!.best === null);
    });
