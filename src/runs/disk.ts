/**
 * The writes that everything under `runs/` is made of. What may take long is asynchronous; what must still work while the
 * process exits has a synchronous form.
 */
import * as fs from 'node:fs';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';

export type DiskOperation = 'mkdir' | 'open' | 'write' | 'truncate' | 'sync' | 'rename' | 'remove' | 'touch';

export interface OpenFile {
  readonly path: string;
  readonly fd: number;
}

const before = (operation: DiskOperation, path: string): void => disk.before?.(operation, path);
const write = promisify(fs.write);
const fsync = promisify(fs.fsync);

export const disk = {
  /** Called before each operation; what it throws, the operation throws. The program leaves it undefined, tests set it. */
  before: undefined as ((operation: DiskOperation, path: string) => void) | undefined,

  /** Fails where the folder exists, unless `recursive`. */
  mkdir(path: string, options: { readonly recursive?: boolean } = {}): void {
    before('mkdir', path);
    fs.mkdirSync(path, options);
  },

  rename(from: string, to: string): void {
    before('rename', from);
    fs.renameSync(from, to);
  },

  /** Sets the time of the last change to now. */
  touch(path: string): void {
    before('touch', path);
    const now = new Date();
    fs.utimesSync(path, now, now);
  },

  /** For writing: `w` from the start, `a` at the end; with `x` the file must not exist yet. */
  open(path: string, flags: 'w' | 'wx' | 'a' | 'ax'): OpenFile {
    before('open', path);
    return { path, fd: fs.openSync(path, flags) };
  },

  close: ({ fd }: OpenFile): void => fs.closeSync(fd),

  truncate({ path, fd }: OpenFile, length: number): void {
    before('truncate', path);
    fs.ftruncateSync(fd, length);
  },

  /** Returns how many bytes were written: on a nearly full disk, fewer than given. */
  writeSync({ path, fd }: OpenFile, bytes: Uint8Array): number {
    before('write', path);
    return fs.writeSync(fd, bytes);
  },

  syncSync({ path, fd }: OpenFile): void {
    before('sync', path);
    fs.fsyncSync(fd);
  },

  /** Writes all of it. */
  async write({ path, fd }: OpenFile, bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      before('write', path);
      rest = rest.subarray((await write(fd, rest)).bytesWritten);
    }
  },

  async sync({ path, fd }: OpenFile): Promise<void> {
    before('sync', path);
    await fsync(fd);
  },

  /** Makes what was created and renamed in a folder survive a power cut. Windows cannot open folders and needs none of it. */
  async syncFolder(path: string): Promise<void> {
    before('sync', path);
    if (process.platform === 'win32') return;
    const fd = fs.openSync(path, 'r');
    try {
      await fsync(fd);
    } finally {
      fs.closeSync(fd);
    }
  },

  /** Removes a file, or a folder with all it holds; nothing there is fine. */
  async remove(path: string): Promise<void> {
    before('remove', path);
    await rm(path, { recursive: true, force: true });
  },
};
