import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { writeAtomic } from '../../src/runs/atomic.ts';
import { disk } from '../../src/runs/disk.ts';
import { boundariesOf, failingAt } from './faults.ts';

const folder = () => mkdtempSync(join(tmpdir(), 'ranger21-disk-'));
afterEach(() => void (disk.before = undefined));

describe('the hook', () => {
  test('sees each operation before it happens, with its path', async () => {
    const dir = folder();
    const file = join(dir, 'a', 'file');
    const seen: string[] = [];
    disk.before = (operation, path) => seen.push(`${operation} ${path.slice(dir.length)} ${existsSync(path)}`);
    disk.mkdir(join(dir, 'a'));
    const opened = disk.open(file, 'wx');
    disk.writeSync(opened, Buffer.from('one'));
    await disk.write(opened, Buffer.from('two'));
    disk.syncSync(opened);
    await disk.sync(opened);
    disk.truncate(opened, 4);
    disk.close(opened);
    await disk.syncFolder(join(dir, 'a'));
    disk.touch(file);
    disk.rename(file, `${file}2`);
    await disk.remove(join(dir, 'a'));
    expect(seen).toEqual([
      'mkdir /a false',
      'open /a/file false',
      'write /a/file true',
      'write /a/file true',
      'sync /a/file true',
      'sync /a/file true',
      'truncate /a/file true',
      'sync /a true',
      'touch /a/file true',
      'rename /a/file true',
      'remove /a true',
    ]);
    expect(readdirSync(dir)).toEqual([]);
  });

  test('keeps the operation from happening by throwing', async () => {
    const dir = folder();
    expect(await failingAt(1, 'EROFS', () => disk.mkdir(join(dir, 'a')))).toMatchObject({ code: 'EROFS' });
    expect(existsSync(join(dir, 'a'))).toBe(false);
  });
});

test('touch moves the time of the last change to now', () => {
  const path = join(folder(), 'lease.json');
  writeFileSync(path, '');
  utimesSync(path, 0, 0);
  const before = Date.now();
  disk.touch(path);
  expect(statSync(path).mtimeMs).toBeGreaterThanOrEqual(before - 1);
});

describe('an atomic write', () => {
  const content = { old: 'as it was', new: 'as it is to be' };

  test('takes text, bytes, or pieces of either', async () => {
    const dir = folder();
    await writeAtomic(join(dir, 'text'), 'ab');
    await writeAtomic(join(dir, 'bytes'), Uint8Array.of(97, 98));
    await writeAtomic(join(dir, 'pieces'), [Uint8Array.of(97), new Uint8Array(), Uint8Array.of(98)]);
    expect(readdirSync(dir).map((name) => readFileSync(join(dir, name), 'utf8'))).toEqual(['ab', 'ab', 'ab']);
  });

  test('flushes the file before its new name, and the folder after', async () => {
    const path = join(folder(), 'result.json');
    const passed = await boundariesOf(() => writeAtomic(path, content.new));
    expect(passed.map(({ operation }) => operation)).toEqual(['open', 'write', 'sync', 'rename', 'sync']);
  });

  test.each(['ENOSPC', 'EROFS', 'EIO', 'EXDEV', 'EACCES', 'EDQUOT', 'EBUSY', 'ESTALE'])(
    'that fails with %s at any boundary leaves the old file or the new one, and nothing else',
    async (code) => {
      const path = join(folder(), 'result.json');
      writeFileSync(path, content.old);
      for (let n = 1; ; n++) {
        const error = await failingAt(n, code, () => writeAtomic(path, content.new));
        if (error === undefined) break;
        expect(error).toBeInstanceOf(UserError);
        expect((error as UserError).message).toContain(`cannot write ${path}: ${code}`);
        expect((error as UserError).remedy).not.toBe('');
        expect(readFileSync(path, 'utf8')).toBe(n < 5 ? content.old : content.new); // renamed, the folder not yet flushed
        expect(readdirSync(join(path, '..'))).toEqual(['result.json']);
      }
      expect(readFileSync(path, 'utf8')).toBe(content.new);
    },
  );
});
