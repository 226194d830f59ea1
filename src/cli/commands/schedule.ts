/** `ranger21 schedule`: the learning rate of a run before it is run. */
import { Command } from '@commander-js/extra-typings';
import type { Experiment } from '../../config/schema.ts';
import { variable } from '../../environment.ts';
import { UserError } from '../../errors.ts';
import type { SchedulePreview } from '../../experiment/schedule.ts';
import { count } from '../engine.ts';
import { collect } from '../strictOptions.ts';

export const scheduleCommand = () =>
  new Command('schedule')
    .description('show the learning rate over a whole run, with the exact steps where it changes')
    .argument('<config>', 'experiment file, e.g. configs/digits-resnet.yaml')
    .option('--set <key=value>', 'override one value, e.g. train.epochs=60 (repeatable)', collect)
    .option('--unset <key>', 'remove one value (repeatable)', collect)
    .option('--images <n>', 'training images, instead of counting those of the data set', count)
    .option('--csv', 'print step,epoch,lr for every step')
    .option('--json', 'print the milestones as JSON')
    .option('--ascii', 'draw with ASCII characters')
    .addHelpText(
      'after',
      `
Examples:
  ranger21 schedule configs/digits-resnet.yaml
  ranger21 schedule configs/imagenet-resnet50.yaml --images 1281167 --set optimizer.semantics=paper
  ranger21 schedule configs/cifar10-resnet20.yaml --csv > lr.csv`,
    )
    .action(async (config, { csv, json, ascii, images, ...overrides }) => {
      const [{ loadConfig }, { isReached, schedulePreview }, { plotSchedule }] = await Promise.all([
        import('../loadConfig.ts'),
        import('../../experiment/schedule.ts'),
        import('../schedulePlot.ts'),
      ]);
      const { experiment } = await loadConfig(config, { ...overrides, purpose: 'run' });
      const preview = schedulePreview(experiment, images ?? (await trainingImages(experiment.dataset)));
      if (json) {
        const { lr: _, ...milestones } = preview;
        console.log(JSON.stringify({ schema: 1, ...milestones }, null, 2));
        return;
      }
      for (const warning of preview.warnings) console.error(`warning: ${warning}`);
      if (csv) process.stdout.write(table(preview));
      else
        console.log(
          `${summary(preview, isReached(preview.highest, preview.peak))}\n\n${plotSchedule(preview, { plain: ascii ?? !speaksUnicode() })}`,
        );
    });

/** How many training images there are: counted where only the files tell. */
async function trainingImages(dataset: Experiment['dataset']): Promise<number> {
  const { datasets } = await import('../../data/registry.ts');
  const entry = datasets[dataset.name];
  const { train } = entry.facts(dataset);
  if (train !== undefined) return train;
  try {
    return (await entry.list(dataset)).train;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const remedy = `${error.remedy}; or say how many training images there are: --images 1281167`;
    throw new UserError(error.message, { remedy, cause: error });
  }
}

function table({ totalSteps, stepsPerEpoch, lr }: SchedulePreview): string {
  const rows = Array.from({ length: totalSteps }, (_, i) => `${i + 1},${(i + 1) / stepsPerEpoch},${lr(i + 1)}\n`);
  return `step,epoch,lr\n${rows.join('')}`;
}

function summary(
  { name, epochs, stepsPerEpoch, totalSteps, peak, warmupEnd, warmdownStart, floor }: SchedulePreview,
  isFull: boolean,
): string {
  const at = (t: number) => `step ${t} (epoch ${(t / stepsPerEpoch).toFixed(2)})`;
  const warmup = warmupEnd
    ? `${isFull ? `full rate ${peak} from` : 'ends at'} ${at(warmupEnd)}`
    : `none${isFull ? `: full rate ${peak} from step 1` : ''}`;
  return [
    `${name}: ${totalSteps} ${totalSteps === 1 ? 'step' : 'steps'}, ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'} of ${stepsPerEpoch}`,
    `warm-up     ${warmup}`,
    `warm-down   ${warmdownStart === undefined ? 'none' : `rate falls from ${at(warmdownStart)}`}`,
    `last step   rate ${Number(floor.toPrecision(6))}`,
  ].join('\n');
}

/** Whether the terminal's character set is UTF-8, as its locale says. */
function speaksUnicode(): boolean {
  const locale = variable('LC_ALL') ?? variable('LC_CTYPE') ?? variable('LANG') ?? '';
  return process.platform !== 'linux' || /utf-?8/i.test(locale);
}
