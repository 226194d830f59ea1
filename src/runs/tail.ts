/** The end of a file that somebody may be writing. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { fromJson } from './metrics.ts';

const CHUNK = 8 * 1024;
/** No line of ours is nearly as long. */
const MOST = 1024 * 1024;

/** The last rows of a JSON-lines file, at most `count`, however long it is; a line without its end is not there yet. */
export function lastRows<Row extends { readonly step: number }>(path: string, count: number): Row[] {
  return lastLines(path, count).flatMap((line) => {
    try {
      const row = fromJson(line) as Partial<Row> | null;
      return typeof row?.step === 'number' ? [row as Row] : []; // the first line is a header
    } catch {
      return []; // altered: `show` says where
    }
  });
}

function lastLines(path: string, count: number): string[] {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return []; // not begun yet, or moved aside at this moment
  }
  try {
    const { size } = fstatSync(fd);
    for (let room = Math.min(size, CHUNK); ; room = Math.min(size, 4 * room)) {
      const bytes = Buffer.alloc(room);
      const text = bytes.toString('utf8', 0, readSync(fd, bytes, 0, room, size - room));
      const lines = text
        .slice(0, text.lastIndexOf('\n') + 1)
        .split('\n')
        .slice(0, -1);
      if (room < size) lines.shift(); // its beginning is further up
      if (lines.length >= count || room === size || room >= MOST) return lines.slice(-count);
    }
  } finally {
    closeSync(fd);
  }
}
