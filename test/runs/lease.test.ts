import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { exitCode } from '../../src/errors.ts';
import { attemptCount, isTaken, lastAttempt, type LeaseRecord } from '../../src/runs/attempts.ts';
import { takeLease } from '../../src/runs/lease.ts';
import { hostHash, processStart } from '../../src/runs/process.ts';
import { killed, sampleEnv, temporaryFolder } from './sample.ts';

const newDir = () => join(temporaryFolder(), 'run');
const leasePath = (dir: string, attempt: number) => join(dir, 'attempts', String(attempt), 'lease.json');
const leaseOf = (dir: string, attempt: number) =>
  JSON.parse(readFileSync(leasePath(dir, attempt), 'utf8')) as LeaseRecord;

/** A lease of this age, as a process of another machine would have left it. */
function foreignLease(dir: string, secondsOld: number): void {
  mkdirSync(join(dir, 'attempts/1'), { recursive: true });
  const lease: LeaseRecord = {
    schema: 1,
    pid: 1,
    processStart: 'x',
    host: 'another',
    startedAt: '2026-11-01T10:00:00.000Z',
  };
  writeFileSync(leasePath(dir, 1), JSON.stringify(lease));
  const at = Date.now() / 1000 - secondsOld;
  utimesSync(leasePath(dir, 1), at, at);
}

describe('a process', () => {
  test('that runs has a start time which another with its id would not have', () => {
    expect(processStart(process.pid)).toMatch(/./);
    expect(processStart(process.pid)).toBe(processStart(process.pid));
    expect(processStart(process.ppid)).not.toBe(processStart(process.pid));
  });

  test.runIf(process.platform === 'linux')('starts when ps says (to the second)', () => {
    if (spawnSync('ps', ['--version']).status !== 0) return console.log('skipped: no ps of procps here');
    const ticks = Number(processStart(process.pid)!.split(':')[1]);
    const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
    const hertz = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
    const age = Number(execFileSync('ps', ['-o', 'etimes=', '-p', String(process.pid)], { encoding: 'utf8' }));
    expect(Math.abs(uptime - ticks / hertz - age)).toBeLessThan(2);
  });

  test('that ended, was never there, or is no number has none', () => {
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    expect([processStart(pid), processStart(2 ** 22 + 1), processStart(0), processStart(NaN)]).toEqual(
      Array(4).fill(undefined),
    );
  });

  test.runIf(process.platform === 'linux')('that was killed is dead before its parent has noticed', async () => {
    // the second sleep becomes the parent of the first, and never waits for it: a zombie stays
    const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      const pid = Number((await once(parent.stdout, 'data')).join(''));
      expect(processStart(pid)).toBeDefined();
      process.kill(pid, 'SIGKILL');
      await vi.waitFor(() => expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^State:\tZ/m));
      expect(processStart(pid)).toBeUndefined();
    } finally {
      parent.kill('SIGKILL');
    }
  });

  test('has a host that names none', () => expect(hostHash()).toMatch(/^[0-9a-f]{16}$/));
});

describe('a lease', () => {
  test('says who has the run, and ends with a reason', async () => {
    const dir = newDir();
    const lease = await takeLease(dir, sampleEnv);
    expect([lease.attempt, lease.previous, isTaken(dir)]).toEqual([1, undefined, true]);
    expect(leaseOf(dir, 1)).toMatchObject({ schema: 1, pid: process.pid, host: hostHash() });
    await lease.end({ status: 'interrupted', reason: 'enough', step: 3, stepsHere: 3 });
    expect(isTaken(dir)).toBe(false);
    const next = await takeLease(dir, sampleEnv);
    expect(next).toMatchObject({ attempt: 2, previous: { number: 1, ended: { reason: 'enough', step: 3 } } });
    expect(readdirSync(join(dir, 'attempts')).sort()).toEqual(['1', '2']);
  });

  test('of a live process is refused with 75', async () => {
    const dir = newDir();
    await takeLease(dir, sampleEnv);
    await expect(takeLease(dir, sampleEnv)).rejects.toMatchObject({
      message: `process ${process.pid} is training ${dir}`,
      code: exitCode.locked,
    });
    expect(attemptCount(dir)).toBe(1);
  });

  test('of a process that is gone is taken over, and the first one knows', async () => {
    const dir = newDir();
    const first = await takeLease(dir, sampleEnv);
    killed(dir);
    const second = await takeLease(dir, sampleEnv);
    expect(second.previous).toMatchObject({ number: 1, lease: { pid: process.pid }, isAlive: false });
    expect(() => first.check()).toThrow('another process has taken over');
    await first.end({ status: 'finished', reason: 'completed', step: 1, stepsHere: 1 });
    expect(lastAttempt(dir)).toMatchObject({ number: 2, isAlive: true });
    expect(existsSync(join(dir, 'attempts/1/ended.json'))).toBe(false);
    expect(() => second.check()).not.toThrow();
  });

  test.each([
    [60, true],
    [119, true],
    [121, false],
  ])('of another machine, last seen %i s ago, is alive: %s', async (age, isAlive) => {
    const dir = newDir();
    foreignLease(dir, age);
    expect(isTaken(dir)).toBe(isAlive);
    if (isAlive) await expect(takeLease(dir, sampleEnv)).rejects.toThrow(`of another machine, last seen ${age} s ago`);
    else expect((await takeLease(dir, sampleEnv)).attempt).toBe(2);
  });

  test.each(['', '{', '{"schema":2}', 'null', '[]'])('that reads %j is nobody’s', async (text) => {
    const dir = newDir();
    mkdirSync(join(dir, 'attempts/1'), { recursive: true });
    writeFileSync(leasePath(dir, 1), text);
    expect((await takeLease(dir, sampleEnv)).attempt).toBe(2);
  });

  test('asked for by many at once is given to one', async () => {
    const dir = newDir();
    const asked = await Promise.allSettled(Array.from({ length: 20 }, () => takeLease(dir, sampleEnv)));
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const reasons = asked.flatMap((one) => (one.status === 'rejected' ? [(one.reason as Error).message] : []));
    expect(new Set(reasons)).toEqual(new Set([`process ${process.pid} is training ${dir}`]));
    expect(readdirSync(join(dir, 'attempts'))).toEqual(['1']);
  });

  test('given back leaves no trace', async () => {
    const dir = newDir();
    const first = await takeLease(dir, sampleEnv);
    await first.end({ status: 'interrupted', reason: 'enough', step: 3, stepsHere: 3 });
    await (await takeLease(dir, sampleEnv)).withdraw();
    expect(lastAttempt(dir)).toMatchObject({ number: 1, ended: { reason: 'enough' } });
    expect(readdirSync(join(dir, 'attempts'))).toEqual(['1']);
  });
});
