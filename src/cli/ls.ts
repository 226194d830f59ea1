import { Command } from '@commander-js/extra-typings';
import { didYouMean } from '../didYouMean.ts';
import { UserError } from '../errors.ts';
import type { RunEntry } from '../runs/list.ts';
import { runsOption } from './runsOption.ts';

export const lsCommand = () =>
  new Command('ls')
    .description('list runs: finished, running, stopped, failed and planned')
    .argument('[selectors...]', 'study:NAME arm:NAME status:WORD seed:N, or a part of a run’s path; all must hold')
    .option('--json', 'print one JSON document')
    .addOption(runsOption())
    .addHelpText(
      'after',
      `
Status is completed, target_reached, timeout, diverged or stuck of a finished run; else running (a live process has it),
interrupted, failed, lost (its process is gone without a word), planned or unreadable. \`ranger21 run\` and \`ablate\` go on
with what stopped, from the step that is named.

Examples:
  ranger21 ls
  ranger21 ls study:ablation status:stuck
  ranger21 ls arm:-pnm seed:0 --json`,
    )
    .action(async (selectors, { json, runs }) => {
      const [{ listRuns }, { toJson }, { runsText }] = await Promise.all([
        import('../runs/list.ts'),
        import('../runs/metrics.ts'),
        import('../report/runsText.ts'),
      ]);
      const wanted = selectors.map(selector);
      const entries = (await listRuns(runs)).filter((entry) => wanted.every((holds) => holds(entry)));
      if (json) return console.log(toJson({ schema: 1, runs: entries }, 2));
      if (entries.length > 0) return console.log(runsText(entries));
      console.error(
        selectors.length > 0 ? `no run under ${runs} matches ${selectors.join(' ')}` : `no runs under ${runs}`,
      );
    });

const fields = {
  study: ({ study }: RunEntry) => study,
  arm: ({ arm }: RunEntry) => arm,
  status: ({ state }: RunEntry) => state,
  seed: ({ seed }: RunEntry) => seed?.toString(),
} as const;

/** `key:value` (or `key=value`) on one of the fields; anything else is looked for in the path. */
function selector(text: string): (entry: RunEntry) => boolean {
  const [, key, value] = /^(\w+)[:=](.*)$/.exec(text) ?? [];
  if (key === undefined) return ({ path }) => path.includes(text);
  if (Object.hasOwn(fields, key)) return (entry) => fields[key as keyof typeof fields](entry) === value;
  const meant = didYouMean(key, Object.keys(fields));
  throw new UserError(`cannot select by ${key}${meant === undefined ? '' : `; did you mean ${meant}?`}`, {
    remedy: `select by ${Object.keys(fields).join(', ')}, or by a part of the path`,
  });
}
