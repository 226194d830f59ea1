/** An append-only file behind one descriptor, buffered in memory. */
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { fileError, writeAll } from './atomic.ts';

export interface Log {
  append(bytes: Uint8Array): void;
  /** Hands the buffer to the system and waits until the disk has it (about 2 ms, where a buffered append takes 5 µs). */
  flush(): void;
  /** Closes without flushing. */
  close(): void;
}

/** Creates the file, which must not exist yet, with its first bytes. */
export function openLog(path: string, start: Uint8Array): Log {
  const fd = openSync(path, 'ax');
  let pending: Uint8Array[] = [start];
  const log: Log = {
    append(bytes) {
      pending.push(bytes);
    },
    flush() {
      if (pending.length === 0) return;
      const bytes = Buffer.concat(pending);
      pending = [];
      try {
        writeAll(fd, bytes);
        fsyncSync(fd);
      } catch (cause) {
        throw fileError(path, cause);
      }
    },
    close: () => closeSync(fd),
  };
  log.flush();
  return log;
}
