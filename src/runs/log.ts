/** An append-only file behind one descriptor, buffered in memory. */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { UserError } from '../errors.ts';
import { fileError } from './atomic.ts';
import { disk, type OpenFile } from './disk.ts';

export interface Log {
  /** Bytes handed to the system so far: after `flush`, all that was appended. */
  readonly length: number;
  /** SHA-256 of these bytes, counted as they are written: a long run does not read its logs again at each checkpoint. */
  sha256(): string;
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
    return logOf(disk.open(path, 'a'), start.at, hashOf(path, start.at));
  }
  const log = logOf(disk.open(path, 'ax'), 0, createHash('sha256'));
  log.append(start);
  log.flush();
  return log;
}

function logOf(file: OpenFile, start: number, hash: Hash): Log {
  let length = start;
  let pending: Uint8Array[] = [];
  // After a failed sync the system may have dropped the bytes, and the next sync would not say so.
  let lost: { readonly error: unknown } | undefined;
  return {
    get length() {
      return length;
    },
    sha256: () => hash.copy().digest('hex'),
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
          hash.update(rest.subarray(0, written));
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

const pieceBytes = 2 ** 20;

/** Copies a file's bytes from an offset to its end, and flushes the copy to the disk. */
function copyFrom(path: string, start: number, target: string): void {
  const copy = disk.open(target, 'w');
  try {
    for (let rest of pieces(path, start, Infinity)) {
      while (rest.length > 0) rest = rest.subarray(disk.writeSync(copy, rest));
    }
    disk.syncSync(copy);
  } finally {
    disk.close(copy);
  }
}

/** Of a file's first bytes: so many, or as many as there are. */
export function hashOf(path: string, bytes: number): Hash {
  const hash = createHash('sha256');
  for (const piece of pieces(path, 0, bytes)) hash.update(piece);
  return hash;
}

/** The bytes of a file between two offsets, one buffer that is used again. */
function* pieces(path: string, from: number, to: number): Iterable<Uint8Array> {
  const source = openSync(path, 'r');
  try {
    const buffer = new Uint8Array(pieceBytes);
    for (let at = from, read; at < to; at += read) {
      read = readSync(source, buffer, 0, Math.min(pieceBytes, to - at), at);
      if (read === 0) return;
      yield buffer.subarray(0, read);
    }
  } finally {
    closeSync(source);
  }
}

export function tooShort(path: string, size: number | undefined, at: number): UserError {
  const found = size === undefined ? 'is missing' : `has ${size}`;
  return new UserError(`${path} ${found}, but had ${at} bytes when the checkpoint was written`, {
    remedy: 'it was altered: put it back, or start again from step 1 with --no-resume',
  });
}
