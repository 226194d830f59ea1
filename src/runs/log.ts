/** An append-only file behind one descriptor, buffered in memory. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { UserError } from '../errors.ts';
import { fileError } from './atomic.ts';
import { disk, type OpenFile } from './disk.ts';

export interface Log {
  /** Bytes handed to the system so far: after `flush`, all that was appended. */
  readonly length: number;
  append(bytes: Uint8Array): void;
  /**
   * Hands the buffer to the system and waits until the disk has it (about 2 ms, where a buffered append takes 5 µs). What it
   * fails to write stays in the buffer, so that a later flush continues at the very byte.
   */
  flush(): void;
  /** Closes without flushing. */
  close(): void;
}

/** Where to continue a file, and which file to keep the rest of it in. */
export interface Continuation {
  readonly at: number;
  readonly tail: string;
}

/** Creates the file, which must not exist yet, with its first bytes; or continues the one that is there from a byte offset. */
export function openLog(path: string, start: Uint8Array | Continuation): Log {
  if (!(start instanceof Uint8Array)) {
    cutLog(path, start);
    return logOf(disk.open(path, 'a'), start.at);
  }
  const log = logOf(disk.open(path, 'ax'), 0);
  log.append(start);
  log.flush();
  return log;
}

function logOf(file: OpenFile, start: number): Log {
  let length = start;
  let pending: Uint8Array[] = [];
  // After a failed sync the system may have dropped the bytes, and the next sync would not say so.
  let lost: { readonly error: unknown } | undefined;
  return {
    get length() {
      return length;
    },
    append(bytes) {
      pending.push(bytes);
    },
    flush() {
      if (lost) throw lost.error;
      if (pending.length === 0) return;
      let rest: Uint8Array = Buffer.concat(pending);
      try {
        while (rest.length > 0) {
          const written = disk.writeSync(file, rest);
          length += written;
          rest = rest.subarray(written);
        }
        disk.syncSync(file);
      } catch (cause) {
        const error = fileError(file.path, cause);
        if (rest.length === 0) lost = { error };
        throw error;
      } finally {
        pending = rest.length > 0 ? [rest] : [];
      }
    },
    close: () => disk.close(file),
  };
}

/** Cuts a file at a byte offset, after copying what follows to the file `tail`; where nothing follows, no such file is made. */
export function cutLog(path: string, { at, tail }: Continuation): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined || size < at) throw tooShort(path, size, at);
  if (size === at) return;
  try {
    disk.mkdir(dirname(tail), { recursive: true });
    copyFrom(path, at, tail);
    const file = disk.open(path, 'a');
    try {
      disk.truncate(file, at);
      disk.syncSync(file);
    } finally {
      disk.close(file);
    }
  } catch (cause) {
    throw fileError(path, cause);
  }
}

const copyBytes = 2 ** 20;

/** Copies a file's bytes from an offset to its end, and flushes the copy to the disk. */
function copyFrom(path: string, start: number, target: string): void {
  const source = openSync(path, 'r');
  try {
    const copy = disk.open(target, 'w');
    try {
      const buffer = new Uint8Array(copyBytes);
      for (let at = start, read; (read = readSync(source, buffer, 0, copyBytes, at)) > 0; at += read) {
        for (let rest = buffer.subarray(0, read); rest.length > 0;) rest = rest.subarray(disk.writeSync(copy, rest));
      }
      disk.syncSync(copy);
    } finally {
      disk.close(copy);
    }
  } finally {
    closeSync(source);
  }
}

function tooShort(path: string, size: number | undefined, at: number): UserError {
  const found = size === undefined ? 'is missing' : `has ${size}`;
  return new UserError(`${path} ${found}, but had ${at} bytes when the checkpoint was written`, {
    remedy: 'it was altered: put it back, or start again from step 1 with --no-resume',
  });
}
