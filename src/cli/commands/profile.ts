import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { UserError } from '../../errors.ts';
import type { Profile } from '../../experiment/timing/profile.ts';
import { count, openEngine, withEngine } from '../engine.ts';
import { collect } from '../strictOptions.ts';

export const profileCommand = () =>
  withEngine(
    new Command('profile')
      .description('train some steps and tell where their time goes')
      .argument('<config>', 'experiment file')
      .option('--steps <n>', 'how many, after five that do not count', count, 20)
      .option('--trace <file>', 'also write every part as a trace for chrome://tracing or ui.perfetto.dev')
      .option('--set <key=value>', 'override one value (repeatable)', collect)
      .option('--unset <key>', 'remove one value (repeatable)', collect)
      .option('--json', 'print one JSON document'),
  )
    .addHelpText(
      'after',
      `
The real training loop runs, in a folder of its own that is removed, without evaluations and checkpoints.

Examples:
  ranger21 profile configs/fashion-mnist-resnet20.yaml
  ranger21 profile configs/imagenet-nfresnet.yaml --steps 50 --trace trace.json`,
    )
    .action(async (config, { steps, trace, json, ...options }) => {
      const [{ loadConfig }, { loadDataset }, { profile, chromeTrace }, { stopOnSignals }, { startProgress }] =
        await Promise.all([
          import('../loadConfig.ts'),
          import('../loadDataset.ts'),
          import('../../experiment/timing/profile.ts'),
          import('../signals.ts'),
          import('../progress.ts'),
        ]);
      const { experiment } = await loadConfig(config, { set: options.set, unset: options.unset, purpose: 'run' });
      const dataset = await loadDataset(experiment.dataset);
      const engine = await openEngine(options);
      const root = mkdtempSync(join(tmpdir(), 'ranger21-profile-'));
      const stop = stopOnSignals();
      let progress: ReturnType<typeof startProgress> | undefined;
      try {
        const around = {
          steps,
          signal: stop.signal,
          tell: (line: string) => (progress ? progress.say(line) : console.error(line)),
          onStep: ({ step, loss }: { step: number; loss: number }) => {
            progress ??= startProgress(experiment.name, steps, 'step');
            progress.update(Math.min(step, steps), `loss ${loss.toFixed(4)}`);
          },
        };
        const found = await profile(experiment, dataset, join(root, 'run'), engine, around);
        progress?.end();
        if (found === undefined) {
          process.exitCode = stop.exitCode() ?? 130;
          return;
        }
        if (trace !== undefined) writeTrace(trace, chromeTrace(found.spans));
        console.log(json ? JSON.stringify(found.profile, null, 2) : await text(found.profile));
      } finally {
        progress?.end();
        stop.release();
        rmSync(root, { recursive: true, force: true });
      }
    });

function writeTrace(path: string, trace: object): void {
  try {
    writeFileSync(path, JSON.stringify(trace));
  } catch (cause) {
    throw new UserError(`${path} cannot be written: ${(cause as Error).message}`, {
      remedy: 'name a file in a writable folder',
      cause,
    });
  }
}

async function text({ name, backend, batch, steps, stepMs, loop, optimizerMs, meanwhile, threads }: Profile) {
  const { columns } = await import('../../report/columns.ts');
  const share = (ms: number) => `${((100 * ms) / stepMs).toFixed(1)} %`;
  const row = (what: string, ms: number) => [what, ms.toFixed(2), share(ms)];
  const { wait, transfer, compute, readBack, rest } = loop;
  const one = [
    ['', 'ms a step', 'of the step'],
    row('waiting for the batch', wait),
    row('copying it to the device', transfer),
    row('compute', compute),
    row('reading its outputs', readBack),
    row('the rest of the loop', rest),
    row('step', stepMs),
  ];
  const done = Object.entries({
    'shuffling the epoch': meanwhile.order,
    'reading files': meanwhile.read,
    decoding: meanwhile.decode,
    'cropping, resizing, mirroring': meanwhile.augment,
  }).filter(([, ms]) => ms > 0);
  return [
    `${name}: mean of ${steps} steps of ${batch} images on ${backend}`,
    columns(one, [1, 2]),
    optimizerMs === null
      ? 'What the optimizer takes cannot be told: whole steps were faster than forward and backward alone. Try again on a quieter machine.'
      : `The optimizer is about ${optimizerMs.toFixed(2)} ms of that (${share(optimizerMs)}): the fastest step less the fastest forward and backward alone.`,
    `For later batches, at the same time (${threads.join(', ')}; thread time, not added to the step):`,
    columns(
      done.map(([what, ms]) => row(what, ms)),
      [1, 2],
    ),
  ].join('\n\n');
}
