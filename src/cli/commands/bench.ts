import { availableParallelism, cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { UserError } from '../../errors.ts';
import type { Workload } from '../../experiment/timing/bench.ts';
import type { Figures, Ratio, Timed } from '../../experiment/timing/benchTable.ts';
import { startProcess, type BenchProcess } from '../benchProcess.ts';
import { count, deviceOption, precisionOption, threadsOption, xlaOption, type EngineOptions } from '../engine.ts';
import { backendNames } from '../../tensor/backends/registry.ts';
import { collectChoices, repeatable } from '../strictOptions.ts';

const torchScript = fileURLToPath(new URL('../../../bench/torch_step.py', import.meta.url));
const torchForms = { adamw: ['plain', 'foreach', 'fused'], ranger21: ['plain', 'foreach'] } as const;

export const benchCommand = () =>
  new Command('bench')
    .description('time a training step on made-up images, per backend and optimizer')
    .option(
      '--case <model@pixels×batch>',
      'what to train, e.g. resnet50@64x8 (repeatable; absent: resnet20@32x32)',
      repeatable(caseOf),
    )
    .option(
      '--backend <names>',
      'backends, comma-separated; absent: tensorflow and onnx, where usable',
      collectChoices(backendNames),
    )
    .option(
      '--optimizer <names>',
      'ranger21, adamw, comma-separated; absent: both',
      collectChoices(['adamw', 'ranger21']),
    )
    .option('--blocks <n>', 'blocks of each subject, taken in turn', count, 5)
    .option('--steps <n>', 'steps a block; Ranger21 merges every fifth', count, 10)
    .addOption(
      new Option('--stem <kind>', 'of the network')
        .choices(['auto', 'imagenet', 'cifar'] as const)
        .default('auto' as const),
    )
    .option('--metrics', 'time the step with the norms and accuracy a run records')
    .option('--vs-torch <python>', 'also time PyTorch: an interpreter with torch and pytorch-optimizer')
    .option(
      '--torch-forms <names>',
      'plain, foreach, fused (AdamW only), comma-separated; absent: all',
      collectChoices(torchForms.adamw),
    )
    .option('--torch-channels-last', 'PyTorch in its channels-last memory format')
    .option('--json', 'print one JSON document')
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addOption(precisionOption())
    .addOption(xlaOption())
    .addHelpText(
      'after',
      `
Every subject runs in a process of its own; they take turns, a block of steps each. The optimizer's part is timed as a
program of its own over the same state with given gradients (in PyTorch: inside the step); forward and backward are the
rest. A cell holds the median over the blocks and their range; a ratio above 1 means faster than PyTorch, which
is put on the device and in the precision of the first backend. There every step brings its batch from the host's memory.
Beside PyTorch, Ranger21 has the settings of pytorch-optimizer 4.1.0 (AMSGrad, PNM factor 0.9 and its noise norm, a sum for
stable decay that starts at 1), which is another algorithm by default than the reference code.

Examples:
  ranger21 bench
  ranger21 bench --case resnet20@32x32 --case resnet50@64x8 --backend tensorflow --vs-torch ~/venv/bin/python
  ranger21 bench --case r8-basic@32x64 --optimizer ranger21 --xla optimizer --json`,
    )
    .action(async (options) => {
      const [
        { architectureOf, otherPytorchOptimizer, pytorchOptimizer },
        { benchText, figuresOf, ratiosOf },
        { modelNames },
        { oneOf },
      ] = await Promise.all([
        import('../../experiment/timing/bench.ts'),
        import('../../experiment/timing/benchTable.ts'),
        import('../../models/registry.ts'),
        import('../../didYouMean.ts'),
      ]);
      const threads = options.threads ?? availableParallelism();
      const { device, precision = 'float32', xla } = options;
      const names = options.backend ?? (await usableBackends());
      const machine = { cpu: cpus()[0]?.model.trim() ?? 'unknown', threads, node: process.versions.node };
      const load = loadavg()[0]!.toFixed(1);

      const cases = (options.case ?? [{ model: 'resnet20', image: 32, batch: 32 }]).map((one) => ({
        ...one,
        model: oneOf('model', one.model, modelNames),
      }));
      if (!options.json) console.log(`${machine.cpu}, ${threads} threads, load ${load} before\n`);
      const isLikeTorch = (optimizer: string) => optimizer === 'ranger21' && options.vsTorch !== undefined;

      const results: { case: Workload; figures: Figures[]; ratios: Ratio[] }[] = [];
      for (const { model, image, batch } of cases) {
        for (const optimizer of options.optimizer ?? (['adamw', 'ranger21'] as const)) {
          const workload: Workload = {
            model,
            image,
            batch,
            stem: options.stem,
            optimizer,
            metrics: options.metrics ?? false,
            ...(isLikeTorch(optimizer) && { options: pytorchOptimizer }),
          };
          const engineOf = (name: string): EngineOptions => ({ backend: name, device, threads, precision, xla });
          const own = names.map((name) => () => {
            const args = [process.argv[1]!, 'bench-subject', JSON.stringify({ workload, engine: engineOf(name) })];
            return startProcess(name, process.execPath, args);
          });
          const network = options.vsTorch === undefined ? undefined : architectureOf(workload);
          if (options.vsTorch !== undefined && !network) {
            throw new UserError(`${workload.model} has no twin in PyTorch here`, { remedy: 'leave --vs-torch out' });
          }
          const torch = (network ? formsOf(workload.optimizer, options.torchForms) : []).map((form) => (on: string) => {
            const channelsLast = options.torchChannelsLast ?? false;
            const given = { ...workload, ...network, form, threads, channelsLast, device: torchDevice(on), precision };
            return startProcess(`torch ${form}`, options.vsTorch!, [torchScript, JSON.stringify(given)]);
          });
          const timed = await takeTurns([...own, ...torch], workload, options.blocks, options.steps);
          const [ours, theirs] = [timed.slice(0, own.length), timed.slice(own.length)];
          const differs = theirs[0] && otherPytorchOptimizer(theirs[0].detail);
          if (differs) console.error(differs);
          const [figures, ratios] = [timed.map(figuresOf), ratiosOf(ours, theirs)];
          results.push({ case: workload, figures, ratios });
          const size = `${workload.image} px, batch ${workload.batch}`;
          const what = isLikeTorch(optimizer) ? 'ranger21 as pytorch-optimizer 4.1.0 has it' : optimizer;
          const title = `${workload.model}, ${size}, ${what}, ${precision}, on ${timed[0]!.device}`;
          if (!options.json) console.log(`${benchText(title, figures, ratios)}\n`);
        }
      }
      const document = {
        schema: 1,
        machine: { ...machine, loadBefore: Number(load) },
        blocks: options.blocks,
        results,
      };
      if (options.json) console.log(JSON.stringify(document, null, 2));
    });

const formsOf = (optimizer: Workload['optimizer'], asked: readonly string[] | undefined): readonly string[] =>
  torchForms[optimizer].filter((form) => asked?.includes(form) ?? true);

/** PyTorch's name of the device a backend of ours is on. */
const torchDevice = (device: string): string => (device.startsWith('gpu') ? device.replace('gpu', 'cuda') : 'cpu');

/** Starts the subjects one after the other, each told the device of the first, then gives each a block in turn. */
async function takeTurns(
  starts: readonly ((on: string) => Promise<BenchProcess>)[],
  { batch }: Workload,
  blocks: number,
  steps: number,
): Promise<Timed[]> {
  const running: BenchProcess[] = [];
  try {
    for (const start of starts) running.push(await start(running[0]?.introduction.device ?? 'cpu'));
    const sizes = new Set(running.map(({ introduction }) => introduction.parameters));
    if (sizes.size > 1) throw new Error(`the networks differ in size: ${[...sizes].join(', ')} parameters`);
    const timed = running.map(({ name, introduction }): Timed => ({ name, batch, ...introduction, blocks: [] }));
    for (let i = 0; i < blocks; i++) {
      for (const [j, subject] of running.entries()) {
        timed[j] = { ...timed[j]!, blocks: [...timed[j]!.blocks, await subject.block(steps)] };
      }
    }
    const held = await Promise.all(running.map((subject) => subject.deviceBytes()));
    return timed.map((one, j) => ({ ...one, ...(held[j] !== undefined && { deviceBytes: held[j] }) }));
  } finally {
    await Promise.all(running.map((subject) => subject.end()));
  }
}

interface Case {
  readonly model: string;
  readonly image: number;
  readonly batch: number;
}

function caseOf(text: string): readonly Case[] {
  const [, model, image, batch] = /^([\w-]+)@(\d+)[x×](\d+)$/.exec(text) ?? [];
  if (!model) throw new InvalidArgumentError('expected model@pixels×batch, e.g. resnet50@64x8');
  return [{ model, image: Number(image), batch: Number(batch) }];
}

/** The compiling backends that work here. */
async function usableBackends(): Promise<string[]> {
  const { loadBackend } = await import('../../tensor/backends/registry.ts');
  const found = await Promise.all(
    backendNames
      .filter((name) => name !== 'cpu')
      .map(async (name) => ({ name, ...(await (await loadBackend(name)).probe()) })),
  );
  return found.filter(({ usable }) => usable).map(({ name }) => name);
}
