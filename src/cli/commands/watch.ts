import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from '@commander-js/extra-typings';
import { exitCode } from '../../errors.ts';
import type { StudyView } from '../../experiment/study/eta.ts';
import { runsOption } from '../runsOption.ts';
import { selectorHelp } from '../selectorHelp.ts';

/** Between two looks. */
const EVERY_MS = 1000;

export const watchCommand = () =>
  new Command('watch')
    .description('follow a study while it trains, from any shell: a table in a terminal, a line a change elsewhere')
    .argument('<study>', 'its folder, or its name under runs/')
    .argument('[selectors...]', 'only these of its runs')
    .option('--once', 'say how it stands now, and stop')
    .option('--json', 'with --once one JSON document, else one line of JSON for each change of a run')
    .addOption(runsOption())
    .addHelpText(
      'after',
      `
${selectorHelp}

It reads the ends of the runs' files and writes nothing: any number may watch, also on another machine that sees the folder.
It ends when every run has ended (exit code 3 where some failed), or with Ctrl-C (130). Steps are written to the files every
few seconds, so a line may lag as much.

Examples:
  ranger21 watch ablation
  ranger21 watch ablation arm=ranger21,-pnm
  ranger21 watch ablation --once --json`,
    )
    .action(async (word, selectors, { once, json, runs: root }) => {
      const [{ findStudy }, { followStudy }, { estimated }, { watcher }, { selectRuns }] = await Promise.all([
        import('../../runs/find.ts'),
        import('../../runs/follow.ts'),
        import('../../experiment/study/eta.ts'),
        import('../watchOutput.ts'),
        import('../../runs/select.ts'),
      ]);
      const dir = findStudy(root, word);
      const chosen =
        selectors.length === 0 ? undefined : new Set((await selectRuns(root, selectors, dir)).map((run) => run.dir));
      const look = followStudy(root, dir, (path) => chosen?.has(join(dir, path)) ?? true);
      const { show, end } = watcher(basename(dir), { once: once ?? false, json: json ?? false });
      const stop = new AbortController();
      let signalCode: number | undefined;
      const onSignal = (signal: NodeJS.Signals) => {
        signalCode = signal === 'SIGINT' ? 130 : 143;
        stop.abort();
      };
      process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
      try {
        for (;;) {
          const view = estimated(await look());
          show(view);
          if (once || view.hasEnded || stop.signal.aborted)
            return void (process.exitCode = signalCode ?? codeOf(view, once));
          await sleep(EVERY_MS, undefined, { signal: stop.signal }).catch(() => undefined);
        }
      } finally {
        end();
        process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
      }
    });

/** As `ablate` ends. */
const codeOf = ({ runs }: StudyView, once = false): number | undefined =>
  !once && runs.some(({ state }) => state === 'failed' || state === 'unreadable') ? exitCode.someRunsFailed : undefined;
