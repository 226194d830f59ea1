/** What a run says while it trains. */
import type { Surroundings } from '../experiment/train.ts';
import type { StepMessage } from './parent.ts';
import { startProgress, type Progress } from './progress.ts';

/** `report` hears of every step too. */
export function watchRun(
  title: string,
  report: (message: StepMessage) => void,
): { hooks: Required<Pick<Surroundings, 'onStep' | 'onEval' | 'tell'>>; end: () => void } {
  let progress: Progress | undefined;
  let waited = 0; // share of the time, of the last ten steps or so
  return {
    hooks: {
      onStep({ step, epoch, loss, imagesPerSecond, ms, dataWaitMs }, { totalSteps, experiment }) {
        progress ??= startProgress(title, totalSteps, 'step');
        const where = `epoch ${epoch.toFixed(1)}/${experiment.train.epochs}`;
        report({ step, totalSteps, loss });
        waited = 0.9 * waited + 0.1 * (dataWaitMs / (ms + dataWaitMs));
        const waiting = waited >= 0.01 ? `  ${(100 * waited).toFixed(0)} % waiting for data` : '';
        progress.update(step, `${where}  loss ${loss.toFixed(4)}  ${imagesPerSecond.toFixed(0)} img/s${waiting}`);
      },
      onEval({ step, epoch, loss, top1 }, { totalSteps }) {
        const last = step === totalSteps ? ' (last)' : '';
        progress?.say(
          `${title}  epoch ${epoch.toFixed(1)}  test loss ${loss.toFixed(4)}  top-1 ${(100 * top1).toFixed(2)} %${last}`,
        );
      },
      tell: (line) => (progress ? progress.say(line) : console.error(line)),
    },
    end: () => progress?.end(),
  };
}
