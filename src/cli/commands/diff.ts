import { Command } from '@commander-js/extra-typings';
import { exitCode } from '../../errors.ts';
import { runsOption } from '../runsOption.ts';
import { selectorHelp } from '../selectorHelp.ts';

export const diffCommand = () =>
  new Command('diff')
    .description('two runs, number for number: configs, data, code, engine, and the first step at which they part')
    .argument('<a>', 'a run: a name, or quoted conditions that it alone meets')
    .argument('<b>', 'the other')
    .option('--json', 'print one JSON document')
    .addOption(runsOption())
    .addHelpText(
      'after',
      `
${selectorHelp}

Exit code 0: the same config, data, code, engine, weights and logs; 5: something of these differs. Labels, how often is saved,
and the machine are told and do not count.

Examples:
  ranger21 diff digits-resnet-1f3a9c02 elsewhere/digits-resnet-1f3a9c02
  ranger21 diff 'ablation arm=ranger21 seed=0' 'ablation arm=-pnm seed=0'
  ranger21 diff 1f3a 52c0 --json`,
    )
    .action(async (first, second, { json, runs: root }) => {
      const [
        { selectRun },
        { readConfig },
        { readLogs },
        { savedDrift },
        { runDifference },
        { differenceText },
        { toJson },
      ] = await Promise.all([
        import('../../runs/select.ts'),
        import('../../runs/configs.ts'),
        import('../../runs/read.ts'),
        import('../../runs/savedDrift.ts'),
        import('../../experiment/compare/runDifference.ts'),
        import('../../report/differenceText.ts'),
        import('../../runs/metrics.ts'),
      ]);
      const read = async (word: string) => {
        const entry = await selectRun(root, [word]);
        const [config = {}, logs, saved] = await Promise.all([
          readConfig(entry.dir),
          readLogs(entry.dir),
          savedDrift(entry.dir),
        ]);
        return { entry, config, saved, ...logs };
      };
      const [a, b] = [await read(first), await read(second)];
      const difference = runDifference(a, b);
      if (json) console.log(toJson({ schema: 1, a: a.entry.dir, b: b.entry.dir, ...difference }, 2));
      else console.log(`a  ${a.entry.dir}\nb  ${b.entry.dir}\n\n${differenceText(difference)}`);
      if (!difference.equal) process.exitCode = exitCode.checkFailed;
    });
