/** Files below a folder, as plain values and shared buffers that go to every thread without a copy. */
import { join } from 'node:path';
import { statSync, type Stats } from 'node:fs';

export interface FileTable {
  /** Folder that the names start from. */
  readonly folder: string;
  /** The relative paths as the file system spells them, one after the other. */
  readonly names: Uint8Array;
  /** Where each name starts, and where the last one ends. */
  readonly starts: Uint32Array;
  readonly sizes: Float64Array;
  /**
   * What else tells that a file is the one it was, three a file: when its content and when its entry changed last, milliseconds since
   * 1970, and its number in the file system.
   */
  readonly stamps: Float64Array;
}

export const countOf = ({ starts }: Pick<FileTable, 'starts'>): number => starts.length - 1;

/** The path of a file, as bytes: names need not be UTF-8. */
export function pathOf({ folder, names, starts }: Pick<FileTable, 'folder' | 'names' | 'starts'>, i: number): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), names.subarray(starts[i], starts[i + 1])]);
}

/** A copy of a typed array in memory that threads share. */
export function shared<T extends Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array>(values: T): T {
  const Kind = values.constructor as new (buffer: SharedArrayBuffer) => T;
  const copy = new Kind(new SharedArrayBuffer(values.byteLength));
  copy.set(values);
  return copy;
}

export type Found = Pick<Stats, 'size' | 'mtimeMs' | 'ctimeMs' | 'ino'>;
/** Stands for a file that cannot be reached. */
export const unreachable: Found = { size: 0, mtimeMs: 0, ctimeMs: 0, ino: 0 };

/** Collects files; paths have one character a byte. */
export function newTable() {
  const paths: string[] = [];
  const [sizes, stamps]: number[][] = [[], []] as [number[], number[]];
  return {
    add: (path: string, { size, mtimeMs, ctimeMs, ino }: Found) => {
      paths.push(path);
      sizes.push(size);
      stamps.push(mtimeMs, ctimeMs, ino);
    },
    count: () => paths.length,
    end: (folder: string): FileTable => {
      const starts = new Uint32Array(new SharedArrayBuffer(4 * (paths.length + 1)));
      paths.forEach((path, i) => (starts[i + 1] = (starts[i] as number) + path.length));
      const names = new Uint8Array(new SharedArrayBuffer(starts[paths.length]));
      paths.forEach((path, i) => names.set(Buffer.from(path, 'latin1'), starts[i]));
      return {
        folder,
        names,
        starts,
        sizes: shared(Float64Array.from(sizes)),
        stamps: shared(Float64Array.from(stamps)),
      };
    },
  };
}

/** Some files of a folder, by their names. */
export function tableOf(folder: string, names: readonly string[]): FileTable {
  const table = newTable();
  for (const name of names) table.add(Buffer.from(name).toString('latin1'), statSync(join(folder, name)));
  return table.end(folder);
}
