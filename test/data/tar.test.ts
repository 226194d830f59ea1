import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { untar } from '../../src/data/tar.ts';
import { UserError } from '../../src/errors.ts';

describe('tar archives written by the tar program', () => {
  const deep = `package/${'long-name-'.repeat(8)}/${'x'.repeat(60)}`;
  const contents: Record<string, Buffer> = {
    'package/empty': Buffer.alloc(0),
    'package/a.bin': Buffer.alloc(512, 7),
    'package/b.txt': Buffer.from('one byte more than a block'.padEnd(513, '.')),
    [deep]: Buffer.from('deep'),
  };
  let archive: Buffer;
  beforeAll(() => {
    const folder = mkdtempSync(join(tmpdir(), 'ranger21-test-'));
    for (const [name, bytes] of Object.entries(contents)) {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), bytes);
    }
    execFileSync('tar', ['--format=ustar', '-cf', 'x.tar', 'package'], { cwd: folder });
    archive = readFileSync(join(folder, 'x.tar'));
    rmSync(folder, { recursive: true });
  });

  test('every file, folders left out, prefixes joined', () => {
    const files = untar(archive, 'x.tar');
    expect(Object.fromEntries([...files].map(([name, bytes]) => [name, Buffer.from(bytes)]))).toEqual(contents);
  });

  test('cut off at any block, or altered in a header, it is refused', () => {
    const files = Object.keys(contents).length;
    for (let end = 512; end < archive.length; end += 512) {
      try {
        expect(untar(archive.subarray(0, end), 'x.tar').size).toBe(files); // only the closing blocks are missing
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
      }
    }
    const altered = Buffer.from(archive);
    altered[3] = 0x41;
    expect(() => untar(altered, 'x.tar')).toThrow('wrong header checksum at byte 0');
  });
});

test('any bytes give files or a UserError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000, size: 'max' }), (bytes) => {
      try {
        untar(bytes, 'x');
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
      }
    }),
    { numRuns: 300 },
  );
  expect(() => untar(new Uint8Array(0), 'x')).toThrow('it ends without its closing blocks');
});
