import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test } from 'vitest';
import { openPool, thread } from '../../../src/data/images/decodePool.ts';
import type { Task } from '../../../src/data/images/tasks.ts';
import { UserError } from '../../../src/errors.ts';
import { permutation, stream } from '../../../src/random.ts';
import '../threads.ts';

const sound = thread.start;
afterEach(() => void (thread.start = sound));

/** A task without images: the order of an epoch. */
const order = (epoch: number): Task => ({ kind: 'order', count: 20, seed: 1, epoch });
const orderOf = (epoch: number) => permutation(20, stream(1, 'order', epoch));

function openedPool(workers: number) {
  const told: string[] = [];
  return { told, pool: openPool({}, { workers, say: (line) => void told.push(line) }) };
}
const outOfMemory = () => new Worker('throw new Error("out of memory")', { eval: true });

describe('threads that end by themselves', () => {
  test('three over one task: it is given up, and why is told', async () => {
    let started = 0;
    thread.start = () => ((started += 1), outOfMemory());
    const { pool, told } = openedPool(1);
    const failure = await pool.run(order(0)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UserError);
    expect(failure).toMatchObject({
      message: '3 decoding threads ended over the same images: out of memory',
      remedy: 'run with dataset.workers 0 to see the failure itself',
    });
    expect(told).toEqual(Array(3).fill('a decoding thread ended by itself: out of memory; its 1 tasks are done again'));
    expect(started).toBe(3);
    await pool.close();
  });

  test('two over one task: the third thread does it, and those behind it', async () => {
    let started = 0;
    thread.start = (setup) => ((started += 1) <= 2 ? outOfMemory() : sound(setup));
    const { pool, told } = openedPool(1);
    const found = await Promise.all([0, 1, 2, 3].map((epoch) => pool.run(order(epoch))));
    expect(found).toEqual([0, 1, 2, 3].map(orderOf));
    expect([told.length, started]).toEqual([2, 3]);
    await pool.close();
  });
});

describe('threads that cannot be started', () => {
  const refuse = () => {
    throw new Error('no more threads');
  };

  test('none: a UserError for every task', async () => {
    thread.start = refuse;
    const { pool } = openedPool(2);
    for (const epoch of [0, 1]) {
      const failure = await pool.run(order(epoch)).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(UserError);
      expect(failure).toMatchObject({ message: 'a decoding thread cannot be started: no more threads' });
    }
    await pool.close();
  });

  test('only one of four: it does all the work', async () => {
    let started = 0;
    thread.start = (setup) => ((started += 1) === 1 ? sound(setup) : refuse());
    const { pool } = openedPool(4);
    const found = await Promise.all([0, 1, 2, 3, 4, 5].map((epoch) => pool.run(order(epoch))));
    expect(found).toEqual([0, 1, 2, 3, 4, 5].map(orderOf));
    await pool.close();
  });
});

test('a UserError of a task arrives with its remedy, another error as itself', async () => {
  const { pool } = openedPool(1);
  const unwritable = '/nonexistent/train-00000.shard';
  const task: Task = {
    ...{ kind: 'pack', split: 'train', first: 0, count: 0, format: 'jpeg', size: null, policy: 'error' },
    ...{ path: unwritable, progress: new Int32Array(new SharedArrayBuffer(4)) },
  };
  const failure = await pool.run(task).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(UserError);
  expect(failure).toMatchObject({
    message: expect.stringContaining(`${unwritable} cannot be written: ENOENT`) as string,
    remedy: expect.stringContaining('the folder was moved or deleted') as string,
    code: 6,
  });
  const wrong = await pool.run({ kind: 'nothing' } as unknown as Task).catch((error: unknown) => error);
  expect(wrong).toBeInstanceOf(Error);
  expect(wrong).not.toBeInstanceOf(UserError);
  await pool.close();
});
