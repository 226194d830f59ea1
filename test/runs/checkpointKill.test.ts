import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { readCheckpoint } from '../../src/runs/checkpoint.ts';
import { compiled } from './compiled.ts';

/**
 * A process that counts to 9: each step appends a line and changes the state, every third saves a checkpoint and prunes. It
 * kills itself at its n-th write boundary. Started again, it goes on from what it finds.
 */
const counting = `
import { openLog } from './runs/log.js';
import { disk } from './runs/disk.js';
import { pruneCheckpoints, readCheckpoint, writeCheckpoint } from './runs/checkpoint.js';
const [dir, attempt, killAt] = process.argv.slice(2);
let passed = 0;
disk.before = () => { if (++passed === Number(killAt)) process.kill(process.pid, 'SIGKILL'); };
const found = await readCheckpoint(dir);
const path = dir + '/metrics.jsonl';
const { existsSync, renameSync } = await import('node:fs');
if (!found && existsSync(path)) renameSync(path, dir + '/before-' + attempt);
const start = found ? { at: found.record.files['metrics.jsonl'], tail: dir + '/tail-' + attempt } : Buffer.from('header\\n');
const log = openLog(path, start);
let [step, sum] = found ? [found.record.step, found.state.sum.data] : [0, Float32Array.of(0)];
while (step < 9) {
  step++;
  sum = Float32Array.of(sum[0] + step);
  log.append(Buffer.from(step + ' ' + sum[0] + '\\n'));
  if (step % 3 === 0) {
    log.flush();
    const record = { schema: 1, step, id: 'x', drift: {}, files: { 'metrics.jsonl': log.length }, progress: null, writtenAt: '' };
    await writeCheckpoint(dir, record, { sum: { shape: [1], data: sum } });
    await pruneCheckpoints(dir, { last: 2 });
  }
}
log.close();
await pruneCheckpoints(dir, { last: 2 });
console.log(JSON.stringify({ passed, skipped: found?.skipped ?? [], from: found?.record.step ?? 0 }));
`;

let program: string;
beforeAll(() => {
  const dir = compiled('runs/checkpoint.ts', 'runs/log.ts');
  program = join(dir, 'counting.js');
  writeFileSync(program, counting);
});
const run = (dir: string, attempt: number, killAt = 0) => {
  const { signal, status, stdout, stderr } = spawnSync(process.execPath, [program, dir, `${attempt}`, `${killAt}`], {
    encoding: 'utf8',
  });
  if (signal === 'SIGKILL') return undefined;
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as { passed: number; skipped: unknown[]; from: number };
};
const sums = Array.from({ length: 9 }, (_, i) => `${i + 1} ${((i + 1) * (i + 2)) / 2}\n`); // n(n + 1) / 2
const expectEnd = (dir: string) => {
  expect(readFileSync(join(dir, 'metrics.jsonl'), 'utf8')).toBe(`header\n${sums.join('')}`);
  expect(
    readdirSync(join(dir, 'checkpoints'))
      .sort()
      .filter((name) => name.startsWith('step')),
  ).toEqual(['step-000000006', 'step-000000009']);
};

test('a process killed at each boundary in turn goes on from a sound checkpoint, and ends as if it had never been', async () => {
  const straight = mkdtempSync(join(tmpdir(), 'ranger21-kill-'));
  const { passed } = run(straight, 1)!;
  expectEnd(straight);
  expect(passed).toBeGreaterThan(50); // 3 checkpoints of 17 boundaries, the log, the pruning
  for (let n = 1; n <= passed; n++) {
    const dir = mkdtempSync(join(tmpdir(), 'ranger21-kill-'));
    expect(run(dir, 1, n), `boundary ${n}`).toBeUndefined();
    const between = await readCheckpoint(dir);
    expect(between?.skipped ?? [], `boundary ${n}`).toEqual([]);
    if (n > 25) expect(between, `boundary ${n}`).toBeDefined(); // the first checkpoint has its name
    if (n % 4 === 0) run(dir, 2, 1 + (n % 20)); // once more, soon after it went on
    const end = run(dir, 3)!;
    expect(end.skipped).toEqual([]);
    expectEnd(dir);
    expect((await readCheckpoint(dir))?.state['sum']?.data).toEqual(Float32Array.of(45));
    rmSync(dir, { recursive: true });
  }
}, 300_000);
