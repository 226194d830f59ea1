/** The options that choose what executes a run, shared by `run` and `ablate`. */
import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import type { Engine } from '../experiment/execute.ts';

export interface EngineOptions {
  readonly backend: string;
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
}

export const backendOption = () =>
  new Option('--backend <name>', 'what executes a step: auto takes the best that works')
    .default('auto')
    .env('RANGER21_BACKEND');
export const deviceOption = () => new Option('--device <name>', 'cpu, or webgpu (onnx backend)');
export const threadsOption = () => new Option('--threads <n>', 'threads inside one operation').argParser(count);

export async function openEngine({ backend: asked, device, threads }: EngineOptions): Promise<Engine> {
  const { backendNames, chooseBackend } = await import('../tensor/backends/registry.ts');
  const { oneOf } = await import('../didYouMean.ts');
  const { backend, why } = await chooseBackend(oneOf('backend', asked, ['auto', ...backendNames]));
  const record = { name: backend.name, detail: why, ...(device && { device }), ...(threads && { threads }) };
  return { backend, record, session: { device, threads } };
}

/** A whole number from 1. */
export function count(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1) throw new InvalidArgumentError('expected a whole number from 1');
  return n;
}

/** A whole number from 0: a seed. */
export function seed(text: string): number {
  const n = Number(text);
  if (!Number.isSafeInteger(n) || n < 0) throw new InvalidArgumentError('expected a whole number from 0');
  return n;
}

/** Gathers a repeatable option. */
export const collect = (value: string, before: string[] = []): string[] => [...before, value];
