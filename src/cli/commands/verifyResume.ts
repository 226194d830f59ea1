import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { exitCode, UserError } from '../../errors.ts';
import type { RunResult } from '../../runs/metrics.ts';
import { startRanger21 } from '../child.ts';
import { count, engineArguments, openEngine, seed as wholeFrom0, withEngine } from '../engine.ts';
import { collect } from '../strictOptions.ts';

export const verifyResumeCommand = () =>
  withEngine(
    new Command('resume')
      .description(
        'train once undisturbed and once with kill -9 at random steps; compare weights and logs byte for byte',
      )
      .argument('<config>', 'experiment file')
      .option('--kills <n>', 'how many', count, 3)
      .option('--draw <n>', 'seed of the steps to kill at', wholeFrom0, 0)
      .option('--checkpoint-every <n>', 'steps between checkpoints; by default three between two kills', count)
      .option('--set <key=value>', 'override one value (repeatable)', collect)
      .option('--unset <key>', 'remove one value (repeatable)', collect)
      .option('--json', 'print one JSON document'),
  )
    .addHelpText(
      'after',
      `
Exit code 5 when anything differs; both run folders are then kept.

Examples:
  ranger21 verify resume configs/digits-nfresnet.yaml
  ranger21 verify resume configs/digits-nfresnet.yaml --kills 20 --backend tensorflow`,
    )
    .action(async (config, { kills, draw, checkpointEvery, set = [], unset = [], json, ...asked }) => {
      const { killSteps, differences } = await import('../../experiment/verify/verifyResume.ts');
      const { record } = await openEngine(asked);
      const say = json ? () => undefined : (text: string) => console.log(text);
      const root = mkdtempSync(join(tmpdir(), 'ranger21-verify-'));
      const overrides = [...set.flatMap((x) => ['--set', x]), ...unset.flatMap((x) => ['--unset', x])];
      const engine = engineArguments({ ...asked, backend: record.name });
      const run = (folder: string, every: number | undefined, killAt?: number) =>
        trainInProcess(
          [
            ...['run', '--runs', join(root, folder), ...overrides],
            ...(every === undefined ? [] : ['--set', `checkpoint.every=${every} steps`]),
            ...[...engine, '--', config],
          ],
          killAt,
        );

      await run('straight', undefined);
      const straight = folderIn(join(root, 'straight'));
      const { steps } = resultIn(straight);
      say(`undisturbed: ${steps} steps on ${record.name}`);

      const at = killSteps(steps, kills, draw);
      const every = checkpointEvery ?? Math.max(1, Math.floor(steps / (3 * (at.length + 1))));
      const killed: { killedAfter: number; continuedAt: number }[] = [];
      for (const step of at) {
        const { first, last, isKilled } = await run('killed', every, step);
        if (!isKilled) break; // it was faster than the signal
        killed.push({ killedAfter: last, continuedAt: first });
        say(`killed after step ${last}${first > 1 ? `, continued at ${first}` : ''}`);
      }
      const { first } = await run('killed', every);
      say(first > 0 ? `continued at ${first}, to the end` : 'the run had ended before the last kill');

      const continued = killed.filter(({ continuedAt }) => continuedAt > 1).length + Number(first > 1);
      if (killed.length < kills || continued === 0) {
        throw new UserError(
          `only ${killed.length} of ${kills} kills came before the end, and ${continued} times the run went on from a checkpoint: that proves nothing`,
          {
            remedy: 'train more steps (--set train.epochs=…), or ask for fewer --kills or a smaller --checkpoint-every',
          },
        );
      }
      const resumed = folderIn(join(root, 'killed'));
      const found = differences(contentOf(straight), contentOf(resumed));
      const { weights = '' } = resultIn(straight);
      if (json) {
        const document = {
          schema: 1,
          backend: record.name,
          steps,
          checkpointEvery: every,
          killed,
          weights,
          differences: found,
        };
        console.log(JSON.stringify(document, null, 2));
      }
      if (found.length === 0) {
        say(
          `identical after ${killed.length} kills: final weights ${weights.slice(0, 16)}…, metrics.jsonl and evals.jsonl byte for byte`,
        );
        rmSync(root, { recursive: true, force: true });
        return;
      }
      for (const text of found) say(`DIFFERS: ${text}`);
      say(`kept: ${straight} and ${resumed}`);
      process.exitCode = exitCode.checkFailed;
    });

const folderIn = (root: string): string => join(root, readdirSync(root)[0]!);
const text = (dir: string, file: string): string => readFileSync(join(dir, file), 'utf8');
const resultIn = (dir: string): RunResult => JSON.parse(text(dir, 'result.json')) as RunResult;
const contentOf = (dir: string) => ({
  result: resultIn(dir),
  metrics: text(dir, 'metrics.jsonl'),
  evaluations: text(dir, 'evals.jsonl'),
});

/** Trains in a process of its own, which is killed with SIGKILL as soon as it has said that it took step `killAt`. */
async function trainInProcess(
  args: readonly string[],
  killAt?: number,
): Promise<{ first: number; last: number; isKilled: boolean }> {
  const child = startRanger21(args, { stdio: ['ignore', 'ignore', 'ipc'] });
  const seen = { first: 0, last: 0 };
  child.process.on('message', (message) => {
    const { step } = message as { step: number };
    if (seen.first === 0) seen.first = step;
    seen.last = step;
    if (killAt !== undefined && step >= killAt) child.process.kill('SIGKILL');
  });
  const { code, signal } = await child.ended;
  const isKilled = killAt !== undefined && signal === 'SIGKILL';
  if (isKilled || code === 0 || code === exitCode.diverged) return { ...seen, isKilled };
  throw new UserError(`the run ended with ${signal ?? code}: ${child.lastWords().join(' / ')}`, {
    remedy: 'mend what it names; `ranger21 run` with the same config shows it all',
    code: exitCode.environment,
  });
}
