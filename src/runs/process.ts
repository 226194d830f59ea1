/** Which process this is, so that another one can tell whether it still lives. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * When a process started, in the system's own words; undefined if it does not run. A process id alone is no proof: it is
 * given out again.
 */
export function processStart(pid: number): string | undefined {
  if (!Number.isSafeInteger(pid) || pid < 1) return undefined;
  if (process.platform === 'linux') return linuxStart(pid);
  return process.platform === 'win32' ? windowsStart(pid) : psStart(pid);
}

/** proc(5): after the name in parentheses come state (field 3) and, as field 22, clock ticks since boot. */
function linuxStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const isGone = fields[0] === 'Z' || fields[0] === 'X'; // a zombie waits for its parent, and does nothing more
    return isGone ? undefined : `${bootId()}:${fields[22 - 3]}`;
  } catch {
    return undefined;
  }
}

const bootId = (): string => read('/proc/sys/kernel/random/boot_id').slice(0, 8);

function psStart(pid: number): string | undefined {
  try {
    const stdio = ['ignore', 'pipe', 'ignore'] as const;
    return (
      execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: [...stdio] }).trim() ||
      undefined
    );
  } catch {
    return undefined;
  }
}

/** Windows tells no start time without a tool of its own: whether somebody has the id must do. */
function windowsStart(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
    return 'unknown';
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM' ? 'unknown' : undefined;
  }
}

/** A hash of what process ids are counted in: the host and, on Linux, the container. */
export function hostHash(): string {
  const namespace = process.platform === 'linux' ? link('/proc/self/ns/pid') : '';
  return createHash('sha256').update(`${hostname()}\0${namespace}`).digest('hex').slice(0, 16);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
