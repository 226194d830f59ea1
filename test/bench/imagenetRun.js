/**
 * configs/imagenet-nfresnet.yaml from a folder of images in ILSVRC's layout: trains, is killed after its first checkpoint, goes on,
 * evaluates and ends; resident memory on the way.
 *
 *     node test/bench/makeImageTree.js FOLDER 1000 5 1 213 160
 *     npm run build && node test/bench/imagenetRun.js FOLDER [--set KEY=VALUE] …
 *
 * A CPU needs overrides, e.g. --set dataset.image=32 --set train.batch=50 --set train.epochs=1
 * --set stop.stuckWithin=0 (a loss at chance is no wonder on so few images).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [root, ...overrides] = process.argv.slice(2);
if (root === undefined) throw new Error('say which folder to read');
const runs = mkdtempSync(join(tmpdir(), 'ranger21-imagenet-'));
const main = new URL('../../dist/cli/main.js', import.meta.url).pathname;

const folder = () => readdirSync(runs).map((name) => join(runs, name))[0];
/** The last step in the log; it is flushed every five seconds. */
const stepNow = () => {
  const path = join(folder() ?? '', 'metrics.jsonl');
  if (!existsSync(path)) return 0;
  const last = readFileSync(path, 'utf8').trimEnd().split('\n').at(-1) ?? '';
  return Number(/"step":(\d+)/.exec(last)?.[1] ?? 0);
};
const checkpoints = () => {
  const path = join(folder() ?? '', 'checkpoints');
  return existsSync(path) ? readdirSync(path).filter((name) => existsSync(join(path, name, 'manifest.json'))) : [];
};

/** Runs until it ends, or until `isEnough`, which kills it; tells step and memory every now and then. @param {() => boolean} isEnough */
async function train(isEnough) {
  const child = spawn(process.execPath, [main, 'run', 'configs/imagenet-nfresnet.yaml', '--runs', runs, ...overrides], {
    env: { ...process.env, IMAGENET: root },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  child.stderr.on('data', (text) => String(text).includes('step') || process.stderr.write(String(text)));
  const exit = once(child, 'exit');
  let [told, isKilled] = [-1, false];
  while (child.exitCode === null && child.signalCode === null) {
    await Promise.race([exit, new Promise((resolve) => setTimeout(resolve, 1000))]);
    const [step, status] = [stepNow(), `/proc/${child.pid}/status`];
    const rss = existsSync(status) ? /VmRSS:\s+(\d+)/.exec(readFileSync(status, 'utf8'))?.[1] : undefined;
    if (rss !== undefined && step >= told + 10) {
      told = step;
      console.log(
        `step ${String(step).padStart(5)}  ${(Number(rss) / 1024).toFixed(0)} MiB  checkpoints ${checkpoints().join(' ')}`,
      );
    }
    if (!isKilled && isEnough()) {
      isKilled = true;
      child.kill('SIGKILL');
      console.log(`killed with -9 after step ${step}`);
    }
  }
  return child.exitCode;
}

await train(() => checkpoints().length > 0);
const code = await train(() => false);
console.log(`exit code ${code}`);
rmSync(runs, { recursive: true });
