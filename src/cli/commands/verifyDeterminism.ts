import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { Command } from '@commander-js/extra-typings';
import { exitCode, UserError } from '../../errors.ts';
import type { Difference, StepHashes } from '../../experiment/verify/stateHashes.ts';
import { startRanger21 } from '../child.ts';
import { count, engineArguments, openEngine, withEngine } from '../engine.ts';
import { collect } from '../strictOptions.ts';

interface Variant {
  readonly name: string;
  readonly arguments: readonly string[];
  /** Whether the same bits are promised. Where they are not, the answer is told and no failure. */
  readonly promised: boolean;
}

export const verifyDeterminismCommand = () =>
  withEngine(
    new Command('determinism')
      .description('train the first steps again and again, and compare every tensor after every step')
      .argument('<config>', 'experiment file')
      .option('--steps <n>', 'how many', count, 20)
      .option('--set <key=value>', 'override one value (repeatable)', collect)
      .option('--unset <key>', 'remove one value (repeatable)', collect)
      .option('--json', 'print one JSON document'),
  )
    .addHelpText(
      'after',
      `
Each variant is a process of its own. Promised: the same bits when nothing changes, and for any number of data workers; on a GPU
only with --determinism strict. Not promised, but tried: another number of threads. Exit code 5 when a promise does not hold.

Examples:
  ranger21 verify determinism configs/digits-nfresnet.yaml
  ranger21 verify determinism configs/fashion-mnist-resnet20.yaml --steps 100 --backend tensorflow`,
    )
    .action(async (config, { steps, set = [], unset = [], json, ...asked }) => {
      const [{ loadConfig }, { datasets }, { firstDifference }] = await Promise.all([
        import('../loadConfig.ts'),
        import('../../data/registry.ts'),
        import('../../experiment/verify/stateHashes.ts'),
      ]);
      const { experiment } = await loadConfig(config, { set, unset, purpose: 'run' });
      const { record } = await openEngine(asked);
      const threads = asked.threads ?? availableParallelism();
      const engine = { ...asked, backend: record.name };
      const { origin } = datasets[experiment.dataset.name];
      if (origin === 'folder') await (await import('../loadDataset.ts')).loadDataset(experiment.dataset); // read once, here, with progress
      const hasWorkers = 'workers' in datasets[experiment.dataset.name].options.shape;

      const overrides = [...set.flatMap((x) => ['--set', x]), ...unset.flatMap((x) => ['--unset', x])];
      const hashes = (more: readonly string[]) =>
        stepHashes(['state-hashes', '--steps', String(steps), ...overrides, ...more, '--', config]);
      const reference = await hashes(engineArguments({ ...engine, threads }));
      const { device } = reference[0]!; // a training has a step
      const repeats = device === 'cpu' || asked.determinism === 'strict';
      const withWorkers = (n: number): Variant => ({
        name: `${n} data workers`,
        arguments: ['--set', `dataset.workers=${n}`, ...engineArguments({ ...engine, threads })],
        promised: repeats,
      });
      const variants: Variant[] = [
        { name: 'again', arguments: engineArguments({ ...engine, threads }), promised: repeats },
        ...(hasWorkers ? [0, 1, 2, 4].map(withWorkers) : []),
        ...[...new Set([1, 2, threads + 1])]
          .filter((n) => n !== threads)
          .map((n) => ({
            name: threadCount(n),
            arguments: engineArguments({ ...engine, threads: n }),
            promised: false,
          })),
      ];

      if (!json) {
        const strictly = repeats ? '' : '; the same bits are promised with --determinism strict only';
        console.log(
          `${steps} steps on ${record.name}, ${device}, ${threadCount(threads)}, against the same${strictly}`,
        );
      }
      const results: { variant: string; promised: boolean; firstDifference: Difference | undefined }[] = [];
      for (const { name, arguments: more, promised } of variants) {
        const difference = firstDifference(reference, await hashes(more));
        results.push({ variant: name, promised, firstDifference: difference });
        if (!json) console.log(`  ${name.padEnd(16)}${resultText(difference, reference.length, promised)}`);
      }
      const broken = results.some(({ promised, firstDifference: at }) => promised && at);
      if (json) {
        const document = {
          schema: 1,
          backend: record.name,
          device,
          threads,
          steps: reference.length,
          variants: results,
        };
        console.log(JSON.stringify(document, null, 2));
      }
      if (broken) process.exitCode = exitCode.checkFailed;
    });

const threadCount = (n: number): string => (n === 1 ? '1 thread' : `${n} threads`);

function resultText(difference: Difference | undefined, steps: number, promised: boolean): string {
  if (difference === undefined) return `identical in every tensor after each of ${steps} steps`;
  const { step, tensors } = difference;
  const others = tensors.length > 1 ? ` and ${tensors.length - 1} more` : '';
  return `${promised ? 'DIFFERS' : 'differs (not promised)'} from step ${step}: ${tensors[0]}${others}`;
}

/** The steps' hashes, computed by a fresh process. */
async function stepHashes(args: readonly string[]): Promise<StepHashes[]> {
  const child = startRanger21(args, { stdio: ['ignore', 'pipe'] });
  const lines: StepHashes[] = [];
  for await (const line of createInterface(child.process.stdout!)) lines.push(JSON.parse(line) as StepHashes);
  const { code } = await child.ended;
  if (code === 0) return lines;
  throw new UserError(`training the first steps failed: ${child.lastWords().join(' / ')}`, {
    remedy: 'mend what it names',
    code: exitCode.environment,
  });
}
