/** Faults at the boundaries of writes. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { disk, type DiskOperation } from '../../src/runs/disk.ts';

export interface Boundary {
  readonly operation: DiskOperation;
  readonly path: string;
}

/** What the system's error of this code looks like to the program. */
export const systemError = (code: string, { operation, path }: Boundary): Error =>
  Object.assign(new Error(`${code}: made up, ${operation} '${path}'`), { code, syscall: operation, path });

/** The boundaries that `work` passes, in order. */
export async function boundariesOf(work: () => unknown): Promise<Boundary[]> {
  const passed: Boundary[] = [];
  disk.before = (operation, path) => void passed.push({ operation, path });
  await work();
  disk.before = undefined;
  return passed;
}

/** Lets the boundary number `n`, from 1, fail in `work`, and those after it pass; or all from there on. */
export async function failingAt(
  n: number,
  code: string,
  work: () => unknown,
  { forGood = false } = {},
): Promise<unknown> {
  let count = 0;
  disk.before = (operation, path) => {
    count++;
    if (count === n || (forGood && count > n)) throw systemError(code, { operation, path });
  };
  try {
    await work();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    disk.before = undefined;
  }
}

/** A disk of so many KiB at `path`, where this process may mount one. */
export function smallDisk(path: string, kib: number): { unmount(): void } | undefined {
  mkdirSync(path, { recursive: true });
  if (process.platform !== 'linux') return undefined;
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kib}k`, 'tmpfs', path]).status !== 0) return undefined;
  return { unmount: () => void spawnSync('umount', [path]) };
}
