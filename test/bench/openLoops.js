/**
 * The README's table of open loops: the largest distance of a weight from upstream's after any step, per variant, net and
 * backend, from `ranger21 verify optimizer --json`.
 *
 *     npm run build && node test/bench/openLoops.js
 */
import { spawnSync } from 'node:child_process';

/** @type {(text: string) => { cases: { group: string, case: string, worst: number }[] }} */
const parse = JSON.parse;
const backends = ['cpu', 'onnx', 'tensorflow'];
/** @type {{ variant: string, net: string, backend: string, worst: number }[]} */
const errors = [];
for (const backend of backends) {
  const args = ['dist/cli/main.js', 'verify', 'optimizer', '--backend', backend, '--json'];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(`verify optimizer on ${backend}: ${stderr}`);
  const { cases } = parse(stdout);
  for (const { group, case: variant, worst } of cases) {
    const net = /^open loop (.*)/.exec(group)?.[1];
    if (net) errors.push({ variant, net, backend, worst });
  }
}
const nets = [...new Set(errors.map(({ net }) => net))];
const columns = nets.flatMap((net) => backends.map((backend) => ({ net, backend })));
console.log(`| variant | ${columns.map(({ net, backend }) => `${net}, ${backend}`).join(' | ')} |`);
console.log(`| --- | ${columns.map(() => '---').join(' | ')} |`);
for (const variant of new Set(errors.map(({ variant }) => variant))) {
  const cells = columns.map(({ net, backend }) => {
    const found = errors.find((e) => e.variant === variant && e.net === net && e.backend === backend);
    return found ? found.worst.toExponential(1) : '–';
  });
  console.log(`| ${variant} | ${cells.join(' | ')} |`);
}
