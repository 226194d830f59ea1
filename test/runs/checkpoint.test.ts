import { createHash } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.ts';
import {
  pruneCheckpoints,
  readCheckpoint,
  setAsideCheckpoints,
  writeCheckpoint,
  type CheckpointRecord,
} from '../../src/runs/checkpoint.ts';
import { disk } from '../../src/runs/disk.ts';
import { parseSafetensors } from '../../src/runs/safetensors.ts';
import type { HostTensors } from '../../src/tensor/compile.ts';
import { boundariesOf, failingAt, smallDisk } from './faults.ts';

const folder = () => mkdtempSync(join(tmpdir(), 'ranger21-checkpoint-'));
afterEach(() => void (disk.before = undefined));

const recordOf = (step: number, changes: Partial<CheckpointRecord> = {}): CheckpointRecord => ({
  schema: 1,
  step,
  id: 'ab'.repeat(32),
  drift: { config: '{"train":{"batch":64}}', code: 'cd'.repeat(32) },
  files: { 'metrics.jsonl': 100 * step, 'events.out.tfevents.1.ranger21': 40 },
  progress: { lossSum: 0.1 + 0.2, worst: NaN, best: -Infinity },
  writtenAt: '2026-11-01T10:00:00.000Z',
  ...changes,
});
const stateOf = (step: number): HostTensors => ({
  'params/w': { shape: [2, 3], data: Float32Array.of(step, -0, 1.5, NaN, Infinity, 0.1) },
  'slow/w': { shape: [], data: Int32Array.of(-step) },
});
const save = (dir: string, step: number) => writeCheckpoint(dir, recordOf(step), stateOf(step));
const names = (dir: string) => readdirSync(join(dir, 'checkpoints')).sort();
const stepNamed = (step: number) => `step-${String(step).padStart(9, '0')}`;
const at = (dir: string, step: number, ...file: string[]) => join(dir, 'checkpoints', stepNamed(step), ...file);

async function saved(...steps: number[]): Promise<string> {
  const dir = folder();
  for (const step of steps) await save(dir, step);
  return dir;
}
const failure = (promise: Promise<unknown>): Promise<UserError> =>
  promise.then(
    () => Promise.reject(new Error('expected a failure')),
    (error: unknown) => {
      expect(error).toBeInstanceOf(UserError);
      return error as UserError;
    },
  );

describe('a checkpoint', () => {
  test('comes back as it was written', async () => {
    const dir = await saved(1200);
    const found = await readCheckpoint(dir);
    expect(found).toEqual({ name: 'step-000001200', record: recordOf(1200), state: stateOf(1200), skipped: [] });
    expect(Object.is(found?.state['params/w']?.data[1], -0)).toBe(true);
  });

  test('is three files, the manifest with size and SHA-256 of the others', async () => {
    const dir = await saved(1200);
    expect(readdirSync(at(dir, 1200)).sort()).toEqual(['checkpoint.json', 'manifest.json', 'state.safetensors']);
    const sum = (file: string) => {
      const bytes = readFileSync(at(dir, 1200, file));
      return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
    };
    expect(JSON.parse(readFileSync(at(dir, 1200, 'manifest.json'), 'utf8'))).toEqual({
      schema: 1,
      files: { 'state.safetensors': sum('state.safetensors'), 'checkpoint.json': sum('checkpoint.json') },
    });
    expect(parseSafetensors(readFileSync(at(dir, 1200, 'state.safetensors')), 'state')).toEqual(stateOf(1200));
  });

  test('of a state larger than one piece comes back', async () => {
    const dir = folder();
    const data = Float32Array.from({ length: 700_000 }, (_, i) => i); // 2.8 MB
    await writeCheckpoint(dir, recordOf(1), { w: { shape: [700, 1000], data } });
    const found = (await readCheckpoint(dir))?.state['w']?.data ?? new Float32Array();
    expect(Buffer.from(found.buffer).equals(Buffer.from(data.buffer))).toBe(true);
  });

  test('is flushed, file by file and the manifest last, before it has its name', async () => {
    const dir = folder();
    const unfinished = /\.unfinished-[^/]+/;
    const passed = await boundariesOf(() => save(dir, 7));
    expect(
      passed.map(({ operation, path }) => `${operation} ${path.slice(dir.length).replace(unfinished, '…')}`),
    ).toEqual([
      'mkdir /checkpoints',
      'sync ',
      'mkdir /checkpoints/…',
      'open /checkpoints/…/state.safetensors',
      'write /checkpoints/…/state.safetensors',
      'write /checkpoints/…/state.safetensors',
      'write /checkpoints/…/state.safetensors',
      'sync /checkpoints/…/state.safetensors',
      'open /checkpoints/…/checkpoint.json',
      'write /checkpoints/…/checkpoint.json',
      'sync /checkpoints/…/checkpoint.json',
      'open /checkpoints/…/manifest.json',
      'write /checkpoints/…/manifest.json',
      'sync /checkpoints/…/manifest.json',
      'sync /checkpoints/…',
      'rename /checkpoints/…',
      'sync /checkpoints',
    ]);
    expect(names(dir)).toEqual([stepNamed(7)]);
  });

  test('of the same step, written again, is the newer one; the older one stays until then', async () => {
    const dir = await saved(5);
    await writeCheckpoint(dir, recordOf(5, { progress: 'evaluated' }), stateOf(5));
    expect(names(dir)).toEqual(['step-000000005', 'step-000000005.2']);
    expect((await readCheckpoint(dir))?.record.progress).toBe('evaluated');
    rmSync(join(dir, 'checkpoints', 'step-000000005.2', 'manifest.json'));
    expect((await readCheckpoint(dir))?.record.progress).toEqual(recordOf(5).progress);
  });

  test('what a dead process left half written is removed by the next write', async () => {
    const dir = await saved(1);
    cpSync(at(dir, 1), join(dir, 'checkpoints', '.unfinished-4242-1700000000000-step-000000002'), { recursive: true });
    expect((await readCheckpoint(dir))?.record.step).toBe(1);
    await save(dir, 3);
    expect(names(dir)).toEqual([stepNamed(1), stepNamed(3)]);
  });
});

describe('where there is none', () => {
  test('no folder, an empty one, one with other things', async () => {
    const dir = folder();
    expect(await readCheckpoint(dir)).toBeUndefined();
    mkdirSync(join(dir, 'checkpoints', 'step-12'), { recursive: true });
    mkdirSync(join(dir, 'checkpoints', 'step-000000012.old'));
    writeFileSync(join(dir, 'checkpoints', '.DS_Store'), '');
    expect(await readCheckpoint(dir)).toBeUndefined();
    await pruneCheckpoints(dir, { last: 2 });
  });
});

describe('a checkpoint that is not as it was written is skipped and named', () => {
  test.each([
    ['state.safetensors', 1],
    ['checkpoint.json', 5],
    ['manifest.json', 5],
  ])('for any changed byte of %s (every %i-th tried)', async (file, stride) => {
    const dir = await saved(1, 2);
    const path = at(dir, 2, file);
    const sound = readFileSync(path);
    for (let i = 0; i < sound.length; i += stride) {
      const changed = Buffer.from(sound);
      changed[i]! ^= 1 << (i % 8);
      writeFileSync(path, changed);
      const found = await readCheckpoint(dir);
      expect(found?.record.step, `byte ${i}`).toBe(1);
      expect(found?.skipped).toEqual([
        { name: stepNamed(2), reason: 'manifest.json was written for other files than are beside it' },
      ]);
    }
    writeFileSync(path, sound);
    expect((await readCheckpoint(dir))?.record.step).toBe(2);
  });

  test.each(['state.safetensors', 'checkpoint.json', 'manifest.json'])(
    'for %s cut short, longer, or missing',
    async (file) => {
      const dir = await saved(1, 2);
      const path = at(dir, 2, file);
      const sound = readFileSync(path);
      for (const length of [0, 1, sound.length - 1]) {
        truncateSync(path, length);
        expect((await readCheckpoint(dir))?.skipped).toHaveLength(1);
        writeFileSync(path, sound);
      }
      writeFileSync(path, Buffer.concat([sound, Buffer.from(' ')]));
      expect((await readCheckpoint(dir))?.skipped).toHaveLength(1);
      rmSync(path);
      expect((await readCheckpoint(dir))?.skipped).toMatchObject([
        { name: stepNamed(2), reason: expect.stringContaining('ENOENT') as string },
      ]);
    },
  );

  test('for the name of another step', async () => {
    const dir = await saved(1, 2);
    renameSync(at(dir, 2), at(dir, 3));
    expect((await readCheckpoint(dir))?.skipped).toEqual([
      { name: stepNamed(3), reason: 'checkpoint.json is not the record of step 3' },
    ]);
  });

  test.each<[string, object]>([
    ['a log outside the folder', { files: { '../metrics.jsonl': 0 } }],
    ['an absolute path', { files: { '/etc/passwd': 0 } }],
    ['a path of another system', { files: { 'a\\b': 0 } }],
    ['a hidden file', { files: { '..': 0 } }],
    ['a negative offset', { files: { 'metrics.jsonl': -1 } }],
    ['an offset that is text', { files: { 'metrics.jsonl': '1' } }],
    ['drift that is no text', { drift: { config: {} } }],
    ['a hash that is none', { files: { 'metrics.jsonl': 1 }, sums: { 'metrics.jsonl': 'abc' } }],
    ['a log without its hash', { files: { 'metrics.jsonl': 1 }, sums: {} }],
    ['no id', { id: undefined }],
    ['another schema', { schema: 2 }],
  ])('for a record with %s, though the hashes agree', async (_, changes) => {
    const dir = await saved(1);
    await writeCheckpoint(dir, recordOf(2, changes), stateOf(2));
    expect((await readCheckpoint(dir))?.skipped).toEqual([
      { name: stepNamed(2), reason: 'checkpoint.json is not the record of step 2' },
    ]);
  });

  test('several, down to the newest sound one', async () => {
    const dir = await saved(1, 2, 3);
    for (const step of [2, 3]) truncateSync(at(dir, step, 'state.safetensors'), 9);
    const found = await readCheckpoint(dir);
    expect(found?.record.step).toBe(1);
    expect(found?.skipped.map(({ name }) => name)).toEqual([stepNamed(3), stepNamed(2)]);
  });

  test('all of them: an error that names each', async () => {
    const dir = await saved(1, 2);
    for (const step of [1, 2]) truncateSync(at(dir, step, 'state.safetensors'), 9);
    const error = await failure(readCheckpoint(dir));
    expect(error.message).toContain(`${join(dir, 'checkpoints')} has no checkpoint to go on from`);
    expect(error.message).toContain(stepNamed(1));
    expect(error.message).toContain(stepNamed(2));
    expect(error.remedy).toContain('--no-resume');
  });

  test('never anything but that, for random damage', () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom('state.safetensors', 'checkpoint.json', 'manifest.json'),
        fc.uint8Array({ maxLength: 400 }),
        async (file, bytes) => {
          const dir = await saved(1, 2);
          writeFileSync(at(dir, 2, file), bytes);
          const found = await readCheckpoint(dir);
          expect([found?.record.step, found?.skipped.length]).toEqual([1, 1]);
          rmSync(dir, { recursive: true });
        },
      ),
      { numRuns: 25 },
    ));

  test('set aside, it is no longer one to fall back on', async () => {
    const dir = await saved(1, 2);
    writeFileSync(at(dir, 2, 'state.safetensors'), Buffer.alloc(statSync(at(dir, 2, 'state.safetensors')).size));
    setAsideCheckpoints(dir, (await readCheckpoint(dir))?.skipped ?? []);
    await save(dir, 3);
    await pruneCheckpoints(dir, { last: 2 });
    expect(names(dir)).toEqual([`bad-${stepNamed(2)}`, stepNamed(1), stepNamed(3)]);
    expect((await readCheckpoint(dir))?.skipped).toEqual([]);
  });
});

describe('pruning', () => {
  test.each<[string, Parameters<typeof pruneCheckpoints>[1], number[]]>([
    ['the last two', { last: 2 }, [90, 100]],
    ['the last three', { last: 3 }, [70, 90, 100]],
    ['two even if fewer are asked for', { last: 0 }, [90, 100]],
    ['the best', { last: 2, best: 40 }, [40, 90, 100]],
    ['the best that is among the last', { last: 2, best: 100 }, [90, 100]],
    ['the newest of every 30 steps: to 30, to 60, to 90, to 120', { last: 2, every: 30 }, [30, 40, 90, 100]],
  ])('keeps %s', async (_, keep, expected) => {
    const dir = await saved(10, 30, 40, 70, 90, 100);
    await pruneCheckpoints(dir, keep);
    expect(names(dir)).toEqual(expected.map(stepNamed));
    await pruneCheckpoints(dir, keep);
    expect(names(dir)).toEqual(expected.map(stepNamed));
  });

  test('does not count those that are not whole, nor touch them', async () => {
    const dir = await saved(1, 2, 3, 4);
    truncateSync(at(dir, 4, 'state.safetensors'), 9);
    rmSync(at(dir, 3, 'manifest.json'));
    await pruneCheckpoints(dir, { last: 2 });
    expect(names(dir)).toEqual([1, 2, 3, 4].map(stepNamed));
    expect((await readCheckpoint(dir))?.record.step).toBe(2);
  });

  test('that fails says where, and leaves what it keeps', async () => {
    const dir = await saved(1, 2, 3);
    for (const n of [1, 2]) {
      const error = await failingAt(n, 'EROFS', () => pruneCheckpoints(dir, { last: 2 }));
      expect((error as UserError).message).toContain(`cannot write ${at(dir, 1)}: EROFS`);
      expect((await readCheckpoint(dir))?.record.step).toBe(3);
    }
    expect(names(dir).filter((name) => name.startsWith('step'))).toEqual([2, 3].map(stepNamed));
    await save(dir, 4);
    expect(names(dir)).toEqual([2, 3, 4].map(stepNamed));
  });
});

describe('a write that fails', () => {
  test.each([
    ['ENOSPC', 'and ever after', true],
    ['EROFS', 'and ever after', true],
    ['EIO', 'once', false],
    ['EXDEV', 'once', false],
  ])(
    'with %s at any boundary %s is a clear error and leaves the last checkpoint, or the new one',
    async (code, _, forGood) => {
      const count = (await boundariesOf(() => save(folder(), 2))).length;
      for (let n = 1; n <= count; n++) {
        const dir = await saved(1);
        const error = await failingAt(n, code, () => save(dir, 2), { forGood });
        if (error !== undefined) {
          expect(error).toBeInstanceOf(UserError);
          expect((error as UserError).message).toContain(`cannot write ${at(dir, 2)}: ${code}`);
          expect((error as UserError).message).toContain('the earlier checkpoints are as they were');
        }
        const found = await readCheckpoint(dir);
        expect([1, 2]).toContain(found?.record.step);
        expect(found?.skipped).toEqual([]);
        await save(dir, 3);
        expect((await readCheckpoint(dir))?.record.step).toBe(3);
        expect(names(dir).filter((name) => !name.startsWith('step'))).toEqual([]);
      }
    },
  );

  test.each(['EEXIST', 'ENOTEMPTY', 'EBUSY', 'ESTALE'])(
    'because a network file system refuses the rename with %s says so and leaves the last checkpoint',
    async (code) => {
      const dir = await saved(1);
      const passed = await boundariesOf(() => save(dir, 2));
      const rename = passed.findIndex(({ operation }) => operation === 'rename') + 1;
      rmSync(at(dir, 2), { recursive: true });
      const error = (await failingAt(rename, code, () => save(dir, 2))) as UserError;
      expect(error).toBeInstanceOf(UserError);
      expect(error.message).toContain(`${code}: made up, rename`);
      expect(error.remedy).toContain('network file systems');
      expect(names(dir)).toEqual([stepNamed(1)]);
      expect((await readCheckpoint(dir))?.record.step).toBe(1);
    },
  );

  test('on a real disk that is full, for every size of what is free', async ({ skip }) => {
    const dir = folder();
    const small = smallDisk(join(dir, 'small'), 256);
    if (!small) {
      console.log('skipped: a full disk under a checkpoint, because this process may not mount a tmpfs');
      return skip();
    }
    try {
      const run = join(dir, 'small', 'run');
      mkdirSync(run);
      const large: HostTensors = { w: { shape: [20_000], data: new Float32Array(20_000).fill(1) } }; // 20 pages of 4 KiB
      await writeCheckpoint(run, recordOf(1), large);
      let refused = 0;
      for (let free = 0; free <= 28; free++) {
        const filler = join(dir, 'small', 'filler');
        const room = 256 / 4 - 24;
        writeFileSync(filler, Buffer.alloc(Math.max(0, room - free) * 4096));
        const error = await writeCheckpoint(run, recordOf(2), large).catch((reason: unknown) => reason);
        if (error !== undefined) {
          refused++;
          expect(error).toBeInstanceOf(UserError);
          expect((error as UserError).message).toContain(
            `cannot write ${join(run, 'checkpoints', stepNamed(2))}: ENOSPC`,
          );
          expect((error as UserError).remedy).toContain('free some space');
        }
        expect((await readCheckpoint(run))?.record.step).toBe(error === undefined ? 2 : 1);
        rmSync(filler);
        rmSync(join(run, 'checkpoints', stepNamed(2)), { recursive: true, force: true });
        expect(readdirSync(join(run, 'checkpoints'))).toEqual([stepNamed(1)]);
      }
      expect(refused).toBeGreaterThan(5);
      expect(refused).toBeLessThan(28);
    } finally {
      small.unmount();
    }
  });
});
