/** What a checkpoint belongs to, and what of it has changed when a run is to go on. */
import { availableParallelism } from 'node:os';
import type { Experiment } from '../config/schema.ts';
import { UserError } from '../errors.ts';
import { codeHash } from '../runs/code.ts';
import { canonicalJson, identity, leafDifferences } from '../runs/id.ts';
import type { Engine } from './execute.ts';

/** Name → text of everything that a run's numbers or logs depend on. */
export type Belongings = Readonly<Record<'config' | 'code' | 'data' | 'engine', string>>;

/**
 * The config without what names a run or decides where its files lie and how often it is saved; the code and the data by their
 * hashes; the engine as it was chosen, with its number of threads, which decides the order of sums.
 */
export async function belongings(experiment: Experiment, fingerprint: string, engine: Engine): Promise<Belongings> {
  const { threads, device, precision, determinism, xla } = engine.session;
  const found = await engine.backend.probe();
  const config = {
    ...(identity(experiment, experiment.seed, fingerprint) as object),
    fingerprint: undefined,
    log: { meters: experiment.log.meters },
    eval: experiment.eval,
  };
  return {
    config: canonicalJson(config),
    code: codeHash(),
    data: fingerprint,
    engine: canonicalJson({
      backend: engine.backend.name,
      library: found.usable ? found.detail : undefined,
      // what a default comes to depends on what is there: a run begun on a GPU must not go on on the CPU unawares
      device: device ?? `best of ${found.usable ? found.devices.join(', ') : 'none'}`,
      threads: threads ?? availableParallelism(),
      precision: precision ?? 'float32',
      determinism: determinism ?? 'default',
      xla: xla ?? 'off',
    }),
  };
}

/** One line for each thing that is not what it was. */
export function driftLines(was: Readonly<Record<string, string>>, is: Belongings): string[] {
  return Object.entries(is).flatMap(([name, now]) => {
    const then = was[name] ?? '';
    if (then === now) return [];
    if (name === 'config' || name === 'engine') return leafDifferences(parsed(then), parsed(now), name);
    return [`${name}: ${then.slice(0, 8)}… → ${now.slice(0, 8)}…`];
  });
}

/** Refuses to go on, unless what changed was accepted. */
export function refuseDrift(lines: readonly string[], dir: string, step: number): void {
  if (lines.length === 0) return;
  throw new UserError(
    `${dir} cannot go on from step ${step} as the same run: since its checkpoint this changed\n` +
      lines.map((line) => `  ${line}`).join('\n'),
    {
      remedy:
        'restore what changed; or go on all the same with --accept-drift, which the result records; or start again with --no-resume',
    },
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
