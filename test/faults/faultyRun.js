/**
 * The built program with a fault at the n-th write under runs/: node faultyRun.js FAULT N run CONFIG …
 *
 * FAULT is `kill` (SIGKILL to itself), the code of a system error such as ENOSPC, or `list`, which prints every write.
 */
import { writeSync } from 'node:fs';

const [fault = 'list', n = '0', ...args] = process.argv.slice(2);
/** @param {string} path @returns {Promise<unknown>} */
const built = (path) =>
  import(new URL(`../../${process.env['RANGER21_DIST'] ?? 'dist'}/${path}.js`, import.meta.url).href);
const { disk } = /** @type {typeof import('../../src/runs/disk.ts')} */ (await built('runs/disk'));

let count = 0;
/** @type {NonNullable<typeof disk.before>} */
const before = (operation, path) => {
  count += 1;
  if (fault === 'list') writeSync(3, `${operation} ${path}\n`);
  if (count !== Number(n)) return;
  if (fault === 'kill') process.kill(process.pid, 'SIGKILL');
  throw Object.assign(new Error(`${fault}: injected into ${operation} '${path}'`), { code: fault });
};
disk.before = before;

process.argv.splice(2, Infinity, ...args);
await built('cli/main');
