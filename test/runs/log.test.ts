import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { disk } from '../../src/runs/disk.ts';
import { cutLog, openLog } from '../../src/runs/log.ts';
import { failingAt, smallDisk, systemError } from './faults.ts';

const folder = () => mkdtempSync(join(tmpdir(), 'ranger21-log-'));
const bytes = (text: string) => Buffer.from(text);
afterEach(() => void (disk.before = undefined));

function failure(work: () => unknown): UserError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return error as UserError;
  }
  throw new Error('expected a failure');
}

describe('a new log', () => {
  test('holds what was appended once it is flushed, and knows how much that is', () => {
    const path = join(folder(), 'metrics.jsonl');
    const log = openLog(path, bytes('header\n'));
    expect([log.length, readFileSync(path, 'utf8')]).toEqual([7, 'header\n']);
    log.append(bytes('one\n'));
    log.append(bytes('zwölf\n'));
    expect([log.length, statSync(path).size]).toEqual([7, 7]);
    log.flush();
    expect([log.length, statSync(path).size]).toEqual([18, 18]);
    log.append(bytes('lost\n'));
    log.close();
    expect(readFileSync(path, 'utf8')).toBe('header\none\nzwölf\n');
  });

  test('must not exist yet', () => {
    const path = join(folder(), 'metrics.jsonl');
    writeFileSync(path, 'mine');
    expect(() => openLog(path, bytes(''))).toThrow('EEXIST');
    expect(readFileSync(path, 'utf8')).toBe('mine');
  });
});

describe('continuing a log', () => {
  const written = 'header\none\ntwo\nthr'; // killed in the middle of a line

  test('keeps what follows the offset elsewhere, and appends from there', () => {
    const dir = folder();
    const [path, tail] = [join(dir, 'metrics.jsonl'), join(dir, 'attempts', '2', 'tail', 'metrics.jsonl')];
    writeFileSync(path, written);
    const log = openLog(path, { at: 11, tail });
    expect(readFileSync(tail, 'utf8')).toBe('two\nthr');
    expect([log.length, readFileSync(path, 'utf8')]).toEqual([11, 'header\none\n']);
    log.append(bytes('2\n'));
    log.flush();
    log.close();
    expect([log.length, readFileSync(path, 'utf8')]).toEqual([13, 'header\none\n2\n']);
  });

  test('at its end makes no file for what follows', () => {
    const dir = folder();
    const path = join(dir, 'metrics.jsonl');
    writeFileSync(path, written);
    openLog(path, { at: written.length, tail: join(dir, 'tail', 'metrics.jsonl') }).close();
    expect(readFileSync(path, 'utf8')).toBe(written);
    expect(existsSync(join(dir, 'tail'))).toBe(false);
  });

  test('beyond its end, or where there is none, is an error that names it and changes nothing', () => {
    const dir = folder();
    const path = join(dir, 'metrics.jsonl');
    const from = { at: 30, tail: join(dir, 'tail') };
    expect(failure(() => openLog(path, from)).message).toBe(
      `${path} is missing, but had 30 bytes when the checkpoint was written`,
    );
    expect(failure(() => cutLog(path, { ...from, at: 0 })).message).toContain(`${path} is missing`);
    writeFileSync(path, written);
    expect(failure(() => openLog(path, from)).message).toBe(
      `${path} has 18, but had 30 bytes when the checkpoint was written`,
    );
    expect(readFileSync(path, 'utf8')).toBe(written);
    expect(existsSync(from.tail)).toBe(false);
  });

  test('cuts at any offset a file of any size', () =>
    fc.assert(
      fc.property(fc.nat({ max: 3 * 2 ** 20 }), fc.double({ min: 0, max: 1, noNaN: true }), (size, share) => {
        const dir = folder();
        const [path, tail] = [join(dir, 'log'), join(dir, 'tail')];
        const content = Buffer.alloc(size, 'every line differs\n');
        writeFileSync(path, content);
        const at = Math.floor(share * size);
        cutLog(path, { at, tail });
        expect(readFileSync(path).equals(content.subarray(0, at))).toBe(true);
        expect(existsSync(tail) ? readFileSync(tail).equals(content.subarray(at)) : at === size).toBe(true);
        rmSync(dir, { recursive: true });
      }),
      { numRuns: 25 },
    ));

  test('that fails at any boundary loses nothing, and works the next time', async () => {
    const dir = folder();
    const path = join(dir, 'metrics.jsonl');
    writeFileSync(path, written);
    const cut = (n: number) => () => cutLog(path, { at: 11, tail: join(dir, `tail${n}`) });
    let n = 1;
    for (; ; n++) {
      writeFileSync(path, written);
      const error = await failingAt(n, 'EIO', cut(n));
      if (error === undefined) break;
      expect((error as UserError).message).toContain(`cannot write ${path}: EIO`);
      const left = readFileSync(path, 'utf8');
      if (left !== written) expect(left + readFileSync(join(dir, `tail${n}`), 'utf8')).toBe(written);
      cutLog(path, { at: 11, tail: join(dir, `again${n}`) });
      expect(readFileSync(path, 'utf8')).toBe('header\none\n');
    }
    expect(n).toBe(8); // mkdir, open, write, sync, open, truncate, sync
  });
});

describe('the SHA-256 of a log', () => {
  const ofFile = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

  test('is that of what is on the disk, at any time', () => {
    const path = join(folder(), 'metrics.jsonl');
    const log = openLog(path, bytes('header\n'));
    for (const line of ['one\n', 'zwölf\n']) {
      log.append(bytes(line));
      expect(log.sha256()).toBe(ofFile(path));
      log.flush();
      expect(log.sha256()).toBe(ofFile(path));
    }
    log.close();
  });

  test('goes on from any offset of a file of any size', () =>
    fc.assert(
      fc.property(fc.nat({ max: 3 * 2 ** 20 }), fc.double({ min: 0, max: 1, noNaN: true }), (size, share) => {
        const dir = folder();
        const path = join(dir, 'log');
        writeFileSync(path, Buffer.alloc(size, 'every line differs\n'));
        const log = openLog(path, { at: Math.floor(share * size), tail: join(dir, 'tail') });
        log.append(bytes('more\n'));
        log.flush();
        log.close();
        expect(log.sha256()).toBe(ofFile(path));
        rmSync(dir, { recursive: true });
      }),
      { numRuns: 25 },
    ));
});

describe('a log on a disk that fails', () => {
  test('continues at the very byte when a later flush succeeds', () => {
    const path = join(folder(), 'metrics.jsonl');
    const log = openLog(path, bytes('header\n'));
    log.append(bytes('one\n'));
    disk.before = (operation, place) => {
      throw systemError('ENOSPC', { operation, path: place });
    };
    expect(failure(() => log.flush()).message).toContain(`cannot write ${path}: ENOSPC`);
    log.append(bytes('two\n'));
    disk.before = undefined;
    log.flush();
    log.close();
    expect(readFileSync(path, 'utf8')).toBe('header\none\ntwo\n');
  });

  test('never says that it is flushed after the disk refused once to say so', () => {
    const log = openLog(join(folder(), 'metrics.jsonl'), bytes('header\n'));
    log.append(bytes('one\n'));
    disk.before = (operation, path) => {
      if (operation === 'sync') throw systemError('EIO', { operation, path });
    };
    expect(failure(() => log.flush()).message).toContain('EIO');
    disk.before = undefined;
    expect(failure(() => log.flush()).message).toContain('EIO');
    log.close();
  });

  test('a real one, full in the middle of a line', ({ skip }) => {
    const dir = folder();
    const small = smallDisk(join(dir, 'small'), 64);
    if (!small) {
      console.log('skipped: a full disk under a log, because this process may not mount a tmpfs');
      return skip();
    }
    try {
      const path = join(dir, 'small', 'metrics.jsonl');
      writeFileSync(join(dir, 'small', 'filler'), Buffer.alloc(40 * 1024));
      const log = openLog(path, bytes('header\n'));
      const lines = Array.from({ length: 500 }, (_, i) => `line ${i} ${'x'.repeat(60)}\n`);
      for (const line of lines) log.append(bytes(line));
      expect(failure(() => log.flush()).message).toContain(`cannot write ${path}: ENOSPC`);
      expect(log.length).toBe(statSync(path).size);
      expect(log.length).toBeGreaterThan(7);
      expect(log.sha256()).toBe(createHash('sha256').update(readFileSync(path)).digest('hex'));
      rmSync(join(dir, 'small', 'filler'));
      log.flush();
      log.close();
      expect(readFileSync(path, 'utf8')).toBe(`header\n${lines.join('')}`);
    } finally {
      small.unmount();
    }
  });
});
