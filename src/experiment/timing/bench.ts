/**
 * What a training step costs on a backend: the whole step, and the optimizer's part as a program of its own over the same
 * state with given gradients. Forward and backward are the difference. Images are made up, and come as bytes; the step returns its loss and
 * nothing else, unless the norms that a run records are asked for.
 */
import type { z } from 'zod';
import { architectures, stemFor, type Architecture, type Stem } from '../../models/architecture.ts';
import { initModel } from '../../models/init.ts';
import type { Model } from '../../models/model.ts';
import { models, type ModelName } from '../../models/registry.ts';
import { optimizerSchema } from '../../optim/config.ts';
import type { Optimizer } from '../../optim/optimizer.ts';
import { buildOptimizer } from '../../optim/ranger21.ts';
import { initState } from '../../optim/state.ts';
import { stream } from '../../random.ts';
import {
  hostScalar,
  joined,
  scalarSpec,
  sizeOf,
  under,
  type Backend,
  type Executable,
  type HostTensors,
  type Program,
  type Session,
  type SessionOptions,
} from '../../tensor/compile.ts';
import type { Tensors } from '../../tensor/ops.ts';
import { onPixels } from '../onPixels.ts';
import { mergeStep, runState, trainInputs, trainStep } from '../step.ts';

/** One thing to time. */
export interface Workload {
  readonly model: ModelName;
  /** Height and width. */
  readonly image: number;
  readonly batch: number;
  readonly stem: Stem | 'auto';
  readonly optimizer: 'ranger21' | 'adamw';
  /** Options of the optimizer that are not its defaults. */
  readonly options?: z.input<typeof optimizerSchema>;
  /** Whether the step also computes the norms and the accuracy that a run writes down. */
  readonly metrics: boolean;
}

/**
 * The Ranger21 of pytorch-optimizer 4.1.0, which is another algorithm by default than the upstream code. That these options
 * are equal to it, step for step, is a case of `verify optimizer`.
 */
export const pytorchOptimizer = {
  core: { name: 'adamw', amsgrad: true },
  components: { pnm: { factor: 0.9, noiseNorm: 'factor' }, swd: { sumStart: 1 } },
} as const satisfies Workload['options'];

/** What to say where the settings above need not be those of the Ranger21 that was timed; `detail` names its version. */
export function otherPytorchOptimizer(detail: string): string | undefined {
  const [, version] = /pytorch-optimizer (\S+)/.exec(detail) ?? [];
  if (version === undefined || version === '4.1.0') return undefined;
  return `PyTorch's Ranger21 is pytorch-optimizer ${version}: that its algorithm is the one timed here is known for 4.1.0 only`;
}

/** Times of one block of steps in milliseconds, means over the block: lookahead merges come every few steps. */
export interface Block {
  readonly step: number;
  readonly optimizer: number;
}

export interface Subject {
  /** Number of trainable parameters. */
  readonly parameters: number;
  readonly device: string;
  /** Opening and compiling, and the first step. */
  readonly compileSeconds: number;
  readonly firstStepSeconds: number;
  /** The process' largest resident set after the first steps, before the optimizer is timed on its own. */
  readonly peakRssBytes: number;
  block(steps: number): Promise<Block>;
  close(): Promise<void>;
}

const labels = ({ classes }: { classes: number }, batch: number) =>
  Int32Array.from({ length: batch }, (_, i) => (7 * i) % classes);

function normal(size: number, scale: number): Float32Array {
  const draws = stream(0, 'synthetic');
  return Float32Array.from({ length: size }, () => scale * draws.normal());
}

function bytes(size: number): Uint8Array {
  const draws = stream(0, 'synthetic');
  return Uint8Array.from({ length: size }, () => draws.below(256));
}

/** The table of a network and what PyTorch needs beside it to build the same; undefined for networks it has no twin of. */
export function architectureOf({ model, image, stem }: Pick<Workload, 'model' | 'image' | 'stem'>) {
  if (model.startsWith('nf-')) return undefined;
  const architecture: Architecture = architectures[model as keyof typeof architectures];
  const { block, depths, widths, native } = architecture;
  const input = { ...native, height: image, width: image };
  return { block, depths, widths, stem: stemFor(stem, architecture, input), classes: native.classes };
}

/** Opens the workload on a backend and takes two steps. */
export async function openSubject(workload: Workload, backend: Backend, options: SessionOptions): Promise<Subject> {
  const { image, batch } = workload;
  const family = models[workload.model];
  const input = { ...family.native, height: image, width: image };
  const channels = (x: number) => Array.from({ length: input.channels }, () => x);
  const network = family.build(family.options.parse({ stem: workload.stem }), input);
  const model = onPixels(network, { mean: channels(0.5), std: channels(0.25), scale: 255 });
  const shapes = Object.fromEntries(Object.entries(model.params).map(([name, { shape }]) => [name, shape]));
  const config = optimizerSchema.parse({ name: workload.optimizer, lr: 1e-4, ...workload.options });
  const optimizer = buildOptimizer(config, { epochs: 100, stepsPerEpoch: 100 }, shapes);
  const initial = initModel(model, 0);
  const groups = { ...initial, slots: initState(optimizer, initial.params) };

  const start = performance.now();
  const session = await backend.open(runState(groups), options);
  const imageShape = [image, image, input.channels];
  const program = onlyLoss(trainStep(model, optimizer, { labelSmoothing: 0, meters: false }), workload.metrics);
  const step = await session.compile('step', program, trainInputs(batch, imageShape, scalarNames(optimizer), 'uint8'));
  const merge = mergesOf(optimizer)
    ? await session.compile('merge', withoutOutputs(mergeStep(optimizer)), {})
    : undefined;
  const compiled = performance.now();
  const fixed = {
    images: { shape: [batch, ...imageShape], data: bytes(batch * sizeOf(imageShape)) },
    labels: { shape: [batch], data: labels(input, batch) },
  };
  const whole = timer(optimizer, { step, merge, settle: settling(session, groups.params) }, fixed);
  await whole(1);
  const first = performance.now();
  await whole(1);
  const peakRssBytes = process.resourceUsage().maxRSS * 1024;

  let optimizerAlone: { readonly run: Timer; readonly close: () => Promise<void> } | undefined;
  return {
    parameters: Object.values(model.params).reduce((total, { shape }) => total + sizeOf(shape), 0),
    device: session.device,
    compileSeconds: (compiled - start) / 1000,
    firstStepSeconds: (first - compiled) / 1000,
    peakRssBytes,
    async block(steps) {
      if (!optimizerAlone) {
        optimizerAlone = await openOptimizer(model, optimizer, groups, backend, options);
        await optimizerAlone.run(1);
      }
      await whole(1);
      const step = await whole(steps);
      await optimizerAlone.run(1); // a program's second call records it again, to compare
      return { step, optimizer: await optimizerAlone.run(steps) };
    },
    async close() {
      await optimizerAlone?.close();
      await session.close();
    },
  };
}

/** Runs steps and returns the mean time of one in milliseconds. */
type Timer = (steps: number) => Promise<number>;

interface Timeable {
  readonly step: Executable;
  readonly merge: Executable | undefined;
  /** Waits until the device has done what it was given; a step whose outputs are not read may return before. */
  readonly settle: () => Promise<unknown>;
}

/** Reads the smallest parameter, which waits for all that writes parameters. */
function settling(session: Session, params: HostTensors): Timeable['settle'] {
  const bySize = Object.entries(params).sort(([, a], [, b]) => a.data.length - b.data.length);
  return () => session.read([`params/${bySize[0]![0]}`]);
}

function timer(optimizer: Optimizer, { step, merge, settle }: Timeable, fixed: HostTensors): Timer {
  let t = 0;
  return async (steps) => {
    const start = performance.now();
    for (let i = 0; i < steps; i++) {
      t += 1;
      const scalars = Object.entries(optimizer.scalars(t)).map(([name, x]) => [name, hostScalar(x)] as const);
      await step({ ...fixed, ...Object.fromEntries(scalars) });
      if (merge && optimizer.variant(t) === 'merge') await merge({});
    }
    await settle();
    return (performance.now() - start) / steps;
  };
}

/** The optimizer alone, in a session of its own that also holds gradients. */
async function openOptimizer(
  model: Model,
  optimizer: Optimizer,
  { params, slots }: { readonly params: HostTensors; readonly slots: HostTensors },
  backend: Backend,
  options: SessionOptions,
) {
  const grads = Object.fromEntries(
    Object.entries(model.params).map(([name, { shape }]) => [name, { shape, data: normal(sizeOf(shape), 1e-3) }]),
  );
  const session = await backend.open(joined({ params, slots, grads }), options);
  const program: Program = (state, scalars) => {
    const of = (group: string): Tensors => under(state, group);
    const next = optimizer.update(of('params'), of('grads'), of('slots'), scalars);
    return { state: joined({ params: next.params, slots: next.state }), outputs: {} };
  };
  const scalars = Object.fromEntries(scalarNames(optimizer).map((name) => [name, scalarSpec]));
  const update = await session.compile('optimizer', program, scalars);
  const merge = mergesOf(optimizer)
    ? await session.compile('merge', withoutOutputs(mergeStep(optimizer)), {})
    : undefined;
  const run = timer(optimizer, { step: update, merge, settle: settling(session, params) }, {});
  return { run, close: () => session.close() };
}

const scalarNames = (optimizer: Optimizer): string[] => Object.keys(optimizer.scalars(1));

const mergesOf = (optimizer: Optimizer): boolean =>
  Array.from({ length: 100 }, (_, i) => optimizer.variant(i + 1)).includes('merge');

const onlyLoss =
  (program: Program, metrics: boolean): Program =>
  (state, inputs) => {
    const result = program(state, inputs);
    return metrics ? result : { ...result, outputs: { loss: result.outputs['loss']! } };
  };
const withoutOutputs =
  (program: Program): Program =>
  (state, inputs) => ({ ...program(state, inputs), outputs: {} });
