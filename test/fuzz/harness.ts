/** Feeding bad input to a reader: what every reader must keep to, and a tally of what became of each input. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, vi } from 'vitest';
import { UserError } from '../../src/errors.ts';

/** Generated inputs a property; RANGER21_FUZZ_RUNS raises it. */
const asked = process.env['RANGER21_FUZZ_RUNS'];
export const runs = Number(asked ?? 80);
if (asked !== undefined) vi.setConfig({ testTimeout: 3_600_000 });
export const seed = Number(process.env['RANGER21_FUZZ_SEED'] ?? 21);

/** A folder for this file's tests, gone after them. */
export const scratch = mkdtempSync(join(tmpdir(), 'ranger21-fuzz-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Tally {
  inputs: number;
  refused: number;
  slowestMs: number;
  /** Why an input was right to be accepted → how many were. */
  readonly accepted: Map<string, number>;
}
const tallies = new Map<string, Tally>();

function tallyOf(reader: string): Tally {
  const tally = tallies.get(reader) ?? { inputs: 0, refused: 0, slowestMs: 0, accepted: new Map<string, number>() };
  tallies.set(reader, tally);
  return tally;
}

const prototypes = [Object.prototype, Array.prototype, Function.prototype, String.prototype];
const names = () => prototypes.map((prototype) => Reflect.ownKeys(prototype).map(String).join()).join('\n');
const untouched = names();

/** Longer than any message of ours: an error that repeats its input would fill the terminal. */
const longestMessage = 80_000;

/**
 * Gives one input to a reader. It may refuse with a UserError of bounded length, or accept; `justify` then says why that is
 * right, or throws. Anything else that is thrown is a crash and fails the test, as does a changed prototype.
 */
export async function feed<Value>(
  reader: string,
  read: () => Value | Promise<Value>,
  justify: (value: Value) => string,
): Promise<'refused' | 'accepted'> {
  const tally = tallyOf(reader);
  tally.inputs += 1;
  const start = performance.now();
  let outcome: { readonly value: Value } | { readonly error: unknown };
  try {
    outcome = { value: await read() };
  } catch (error) {
    outcome = { error };
  }
  tally.slowestMs = Math.max(tally.slowestMs, performance.now() - start);
  expect(names(), 'a prototype was changed').toBe(untouched);
  if ('error' in outcome) {
    if (!(outcome.error instanceof UserError)) throw outcome.error;
    expect(outcome.error.remedy).not.toBe('');
    expect(outcome.error.message.length).toBeLessThan(longestMessage);
    tally.refused += 1;
    return 'refused';
  }
  const why = justify(outcome.value);
  tally.accepted.set(why, (tally.accepted.get(why) ?? 0) + 1);
  return 'accepted';
}

/** `runs` generated inputs, the same ones for the same seed. `share` is for readers that take long. */
export async function fuzz<Input>(
  inputs: fc.Arbitrary<Input>,
  feedOne: (input: Input) => Promise<unknown>,
  share = 1,
): Promise<void> {
  const property = fc.asyncProperty(inputs, async (input) => void (await feedOne(input)));
  await fc.assert(property, {
    seed,
    numRuns: Math.max(10, Math.round(runs * share)),
    endOnFailure: asked !== undefined,
  });
}

/** Bytes that typed arrays and buffers were asked for while `work` ran. */
export async function allocated(work: () => unknown): Promise<number> {
  const real = { Uint8Array, ArrayBuffer };
  const buffers = [vi.spyOn(Buffer, 'alloc'), vi.spyOn(Buffer, 'allocUnsafe')] as const;
  let total = 0;
  const counting = <T extends object>(type: T): T =>
    new Proxy(type, {
      construct(target, args: unknown[], newTarget) {
        if (typeof args[0] === 'number') total += args[0];
        return Reflect.construct(target as never, args, newTarget) as object;
      },
    });
  globalThis.Uint8Array = counting(real.Uint8Array);
  globalThis.ArrayBuffer = counting(real.ArrayBuffer);
  try {
    await work();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  } finally {
    Object.assign(globalThis, real);
    for (const { mock } of buffers) for (const [size] of mock.calls) total += size;
    for (const buffer of buffers) buffer.mockRestore();
  }
  return total;
}

/** What became of all inputs, a line a reader. */
export function report(): string {
  const rows = [...tallies].map(([reader, { inputs, refused, slowestMs, accepted }]) => {
    const count = [...accepted.values()].reduce((sum, n) => sum + n, 0);
    const why = [...accepted].map(([reason, n]) => `${n} ${reason}`).join('; ');
    return [reader, inputs, refused, count, slowestMs.toFixed(0), why] as const;
  });
  const total = (column: 1 | 2 | 3) => rows.reduce((sum, row) => sum + row[column], 0);
  const head = ['reader', 'inputs', 'refused', 'accepted', 'slowest ms', 'accepted because'];
  const last = [`all, seed ${seed}`, total(1), total(2), total(3), '', ''];
  const widths = [24, 8, 8, 8, 10, 0];
  return [head, ...rows, last]
    .map((row) =>
      row
        .map((cell, i) => (i % 5 === 0 ? String(cell).padEnd(widths[i]!) : String(cell).padStart(widths[i]!)))
        .join('  '),
    )
    .join('\n');
}

/** Printed where somebody asked for more than the usual number of inputs; else the totals. */
export const printReport = (): void => {
  const inputs = [...tallies.values()].reduce((sum, tally) => sum + tally.inputs, 0);
  console.log(asked === undefined ? `${inputs} bad inputs, seed ${seed}` : report());
};
