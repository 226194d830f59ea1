/**
 * Breaks a run at its write boundaries, each in turn, lets it go on, and compares it with the run that nothing disturbed.
 *
 *     npm run build && node test/faults/sweep.js [kill,ENOSPC,EIO,EROFS]
 *
 * A boundary is a call of src/runs/disk.ts: opening, writing, flushing, renaming, removing. Of calls that only repeat (the
 * pieces of one file) the first, the middle and the last are taken. Whatever a run was told to keep must be there at the end.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('faultyRun.js', import.meta.url));
const settings = ['log.meters=3', 'checkpoint.every=3 steps', 'dataset.train=128'];

/** @typedef {{ index: number, operation: string, file: string }} Boundary */

/**
 * @param {string} runs
 * @param {string} fault
 * @param {number} n
 */
function ranger21(runs, fault, n) {
  const args = ['run', 'configs/synthetic-smoke.yaml', '--runs', runs, '--backend', 'onnx', '--threads', '1'];
  const { status, signal, stderr, output } = spawnSync(
    process.execPath,
    [program, fault, String(n), ...args, ...settings.flatMap((x) => ['--set', x])],
    { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe', 'pipe'] },
  );
  return { status, signal, stderr, listed: output[3] ?? '' };
}

/** What must be the same at the end. @param {string} runs */
function ending(runs) {
  const dir = join(runs, readdirSync(runs)[0] ?? '');
  const text = (/** @type {string} */ file) => readFileSync(join(dir, file), 'utf8');
  /** @type {import('../../src/runs/metrics.ts').RunResult} */
  const result = JSON.parse(text('result.json')); // eslint-disable-line @typescript-eslint/no-unsafe-assignment -- just written
  const { weights, last, best, activity, pairing, status } = result;
  // the final state; older ones that were not removed take room and do no harm
  const final =
    readdirSync(join(dir, 'checkpoints'))
      .sort()
      .findLast((name) => name.startsWith('step-')) ?? '';
  const state = createHash('sha256').update(readFileSync(join(dir, 'checkpoints', final, 'state.safetensors')));
  const content = { weights, last, best, activity, pairing, status, final, state: state.digest('hex') };
  return JSON.stringify(content) + text('metrics.jsonl') + text('evals.jsonl');
}

/** The undisturbed run and its boundaries. */
export function undisturbed() {
  const runs = mkdtempSync(join(tmpdir(), 'ranger21-faults-'));
  const { status, listed, stderr } = ranger21(runs, 'list', 0);
  if (status !== 0) throw new Error(`the undisturbed run ended with ${status}: ${stderr}`);
  const boundaries = listed
    .trim()
    .split('\n')
    .map((line, i) => {
      const [operation = '', path = ''] = line.split(' ');
      return { index: i + 1, operation, file: path.replace(`${runs}/`, '').replaceAll(/\d+/g, 'N') };
    });
  const expected = ending(runs);
  rmSync(runs, { recursive: true });
  return { boundaries, expected };
}

/** The first, the middle and the last of each kind. @param {Boundary[]} boundaries */
export function representatives(boundaries) {
  /** @type {Map<string, Boundary[]>} */
  const kinds = new Map();
  for (const boundary of boundaries) {
    const kind = `${boundary.operation} ${boundary.file}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), boundary]);
  }
  return [...kinds.values()]
    .flatMap((all) => [...new Set([all[0], all[all.length >> 1], all.at(-1)])])
    .filter((boundary) => boundary !== undefined)
    .sort((a, b) => a.index - b.index);
}

/**
 * One fault at one boundary, then the same command again. Returns how the faulty run ended, and what was wrong with the
 * second; nothing wrong: undefined.
 *
 * @param {string} fault
 * @param {number} index
 * @param {string} expected
 */
export function broken(fault, index, expected) {
  const runs = mkdtempSync(join(tmpdir(), 'ranger21-faults-'));
  const first = ranger21(runs, fault, index);
  const how = first.signal ?? `exit ${first.status}`;
  const isCrash = /\n {4}at /.test(first.stderr); // a stack trace: nobody foresaw it
  const second = ranger21(runs, 'none', 0);
  let wrong;
  if (isCrash) wrong = `the faulty run crashed: ${first.stderr.slice(0, 300)}`;
  else if (second.status !== 0) wrong = `the second run ended with ${second.status}: ${second.stderr.slice(0, 300)}`;
  else if (ending(runs) !== expected) wrong = 'the second run ended elsewhere';
  if (wrong === undefined) rmSync(runs, { recursive: true });
  return { how, wrong: wrong && `${wrong} (${runs})` };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const faults = (process.argv[2] ?? 'kill,ENOSPC,EIO,EROFS').split(',');
  const { boundaries, expected } = undisturbed();
  const chosen = representatives(boundaries);
  console.log(`${boundaries.length} boundaries, ${chosen.length} of them tried with each of ${faults.join(', ')}`);
  let misses = 0;
  for (const fault of faults) {
    /** @type {Map<string, number>} */
    const ends = new Map();
    for (const { index, operation, file } of chosen) {
      const { how, wrong } = broken(fault, index, expected);
      ends.set(how, (ends.get(how) ?? 0) + 1);
      if (wrong === undefined) continue;
      misses += 1;
      console.log(`  ${fault} at ${index} (${operation} ${file}): ${wrong}`);
    }
    console.log(`${fault}: ${[...ends].map(([how, count]) => `${count} × ${how}`).join(', ')}`);
  }
  console.log(misses === 0 ? 'every run went on to the same end' : `${misses} runs did not`);
  process.exitCode = misses === 0 ? 0 : 1;
}
