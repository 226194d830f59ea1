import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { captureEnv, commit } from '../../src/runs/env.ts';
import { temporaryFolder } from './sample.ts';

test('the environment names versions and machine, but neither host, user nor folder', async () => {
  const backend = { name: 'onnx', detail: 'CPU', threads: 2 };
  const env = await captureEnv(backend);
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  expect(env).toMatchObject({ schema: 1, backend, version, node: process.version });
  expect(env.cpu.cores).toBeGreaterThanOrEqual(availableParallelism());
  expect(env.lockfile).toBe(createHash('sha256').update(readFileSync('package-lock.json')).digest('hex'));
  expect(Date.parse(env.startedAt)).not.toBeNaN();
  expect(Object.keys(env).filter((key) => /host|user|folder|path/i.test(key))).toEqual([]);
  const text = JSON.stringify(env);
  expect(text).not.toContain(process.cwd());
  for (const secret of [hostname(), userInfo().username]) {
    if (secret.length > 4) expect(text).not.toContain(secret);
  }
});

const hasGit = (() => {
  try {
    return execFileSync('git', ['--version']).length > 0;
  } catch {
    console.log('skipped: the commit of a checkout, because git is not installed');
    return false;
  }
})();

describe.runIf(hasGit)('the commit', () => {
  const folder = temporaryFolder();
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', folder, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
      encoding: 'utf8',
    }).trim();

  test('is unknown outside a checkout, and before the first commit', async () => {
    expect(await commit(folder)).toBeNull();
    git('init', '-q');
    expect(await commit(folder)).toBeNull();
  });

  test('comes with whether files were edited since', async () => {
    writeFileSync(join(folder, 'a'), '1');
    git('add', 'a');
    git('commit', '-q', '-m', 'a');
    expect(await commit(folder)).toEqual({ sha: git('rev-parse', 'HEAD'), dirty: false });
    mkdirSync(join(folder, 'runs'));
    writeFileSync(join(folder, 'runs', 'plan.json'), '{}');
    expect(await commit(folder)).toMatchObject({ dirty: false });
    writeFileSync(join(folder, 'b'), '1');
    expect(await commit(folder)).toMatchObject({ dirty: true });
    rmSync(join(folder, 'b'));
    writeFileSync(join(folder, 'a'), '2');
    expect(await commit(folder)).toMatchObject({ dirty: true });
  });

  test('of somebody else’s checkout around an installed package is not ours', async () => {
    const installed = join(folder, 'node_modules', 'ranger21');
    mkdirSync(installed, { recursive: true });
    expect(await commit(installed)).toBeNull();
  });
});
