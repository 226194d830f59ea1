/** One run for a terminal. */
import { backendText } from '../experiment/table/rows.ts';
import type { RunEntry } from '../runs/list.ts';
import type { EvalMetrics, LoggedStep } from '../runs/metrics.ts';
import { columns } from './columns.ts';
import { decimals, percent, threeFigures } from './numbers.ts';

export function runText(entry: RunEntry, steps: readonly LoggedStep[], evaluations: readonly EvalMetrics[]): string {
  return [columns(facts(entry, steps.at(-1))), evaluationTable(evaluations), meterTable(entry)]
    .filter(Boolean)
    .join('\n\n');
}

function facts(entry: RunEntry, lastStep: LoggedStep | undefined): string[][] {
  const { state, reason, id, seed, study, arm, result, env, attempts, updatedAt } = entry;
  const earlier = attempts > 0 ? `, after ${attempts} earlier ${attempts === 1 ? 'attempt' : 'attempts'}` : '';
  const rows: (readonly [string, string | undefined])[] = [
    ['run', entry.dir],
    ['status', `${state}${reason === undefined ? '' : `: ${reason}`}${earlier}`],
    ['id', id],
    ['study', study === undefined ? undefined : `${study}, arm ${arm}`],
    ['seed', seed?.toString()],
    ['reached', reached(entry, lastStep)],
    [
      'top-1',
      result && `${percent(result.last.top1)} % (best ${percent(result.best.top1)} % at step ${result.best.step})`,
    ],
    [
      'guessing',
      result?.chance && `${percent(result.chance.top1)} %, training loss ${decimals(result.chance.priorLoss, 4)}`,
    ],
    ['loss', result && decimals(result.last.loss, 4)],
    ['time', result && times(result)],
    [
      'speed',
      result && `${threeFigures(result.msPerStep)} ms a step, ${threeFigures(result.imagesPerSecond)} images/s`,
    ],
    [
      'size',
      result && `${result.parameters} parameters, optimizer state ${threeFigures(result.stateRatio)} times that`,
    ],
    ['data', result && result.fingerprint.slice(0, 8)],
    ['backend', env && backendText(env.backend)],
    ['code', env && codeOf(env)],
    ['machine', env && `${env.cpu.model}, ${env.cpu.cores} cores, ${env.platform}, Node ${env.node}`],
    ['changed', updatedAt],
  ];
  return rows.flatMap(([name, text]) => (text === undefined ? [] : [[name, text]]));
}

function reached({ result }: RunEntry, lastStep: LoggedStep | undefined): string | undefined {
  if (result) return `step ${result.steps}, epoch ${threeFigures(result.epochs)}`;
  if (!lastStep) return undefined;
  return `step ${lastStep.step}, epoch ${threeFigures(lastStep.epoch)}, training loss ${decimals(lastStep.loss, 4)}`;
}

const times = ({ trainSeconds, evalSeconds, compileSeconds, dataWaitShare }: NonNullable<RunEntry['result']>): string =>
  `${decimals(trainSeconds, 1)} s training (${decimals(100 * dataWaitShare, 1)} % waiting for data), ` +
  `${decimals(evalSeconds, 1)} s evaluating, ${decimals(compileSeconds, 1)} s compiling`;

const codeOf = ({ version, git }: NonNullable<RunEntry['env']>): string =>
  git ? `ranger21 ${version} at ${git.sha.slice(0, 8)}${git.dirty ? ', edited' : ''}` : `ranger21 ${version}`;

function evaluationTable(evaluations: readonly EvalMetrics[]): string {
  if (evaluations.length === 0) return '';
  const rows = evaluations.map(({ step, epoch, loss, top1 }) => [
    String(step),
    threeFigures(epoch),
    decimals(loss, 4),
    percent(top1),
  ]);
  return columns([['step', 'epoch', 'loss', 'top-1 %'], ...rows], [0, 1, 2, 3]);
}

function meterTable({ result }: RunEntry): string {
  const meters = Object.entries(result?.activity ?? {});
  return meters.length === 0
    ? ''
    : columns([['meter', 'mean'], ...meters.map(([name, x]) => [name, threeFigures(x)])], [1]);
}
