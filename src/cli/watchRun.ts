/** What a run says while it trains. */
import type { Surroundings } from '../experiment/train.ts';
import { startProgress, type Progress } from './progress.ts';

export function watchRun(title: string): { hooks: Required<Pick<Surroundings, 'onStep' | 'onEval'>>; end: () => void } {
  let progress: Progress | undefined;
  return {
    hooks: {
      onStep({ step, epoch, loss, imagesPerSecond }, { totalSteps, experiment }) {
        progress ??= startProgress(title, totalSteps, 'step');
        const where = `epoch ${epoch.toFixed(1)}/${experiment.train.epochs}`;
        progress.update(step, `${where}  loss ${loss.toFixed(4)}  ${imagesPerSecond.toFixed(0)} img/s`);
      },
      onEval({ step, epoch, loss, top1 }, { totalSteps }) {
        const last = step === totalSteps ? ' (last)' : '';
        progress?.say(
          `${title}  epoch ${epoch.toFixed(1)}  test loss ${loss.toFixed(4)}  top-1 ${(100 * top1).toFixed(2)} %${last}`,
        );
      },
    },
    end: () => progress?.end(),
  };
}
