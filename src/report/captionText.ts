/** What stands above a study's table, in one line, and what stands under it. */
import type { Caption } from '../experiment/table/caption.ts';
import type { Footer } from '../experiment/table/footer.ts';
import type { StudyTable } from '../experiment/table/table.ts';
import { confidenceText, inPoints } from '../experiment/study/protocol.ts';
import { decimals, intervalText, percent, points } from './numbers.ts';
import { tierText } from './tierText.ts';

export function captionText(caption: Caption): string {
  const { protocol, image, images, steps } = caption;
  return [
    caption.model,
    `${caption.dataset}, data ${caption.fingerprint.slice(0, 8)}${images ? `, ${images.train} images, ${images.test} held out` : ''}`,
    ...(image ? [image.join('×')] : []),
    `${steps === null ? '' : `${steps} steps, `}${caption.epochs} ${caption.epochs === 1 ? 'epoch' : 'epochs'}`,
    `batch ${caption.batch}`,
    ...(caption.chance ? [`chance ${chanceText(caption.chance)}`] : []),
    tierText(protocol),
    ...(caption.searchEdges.length > 0 ? [`at the edge of the search: ${caption.searchEdges.join(', ')}`] : []),
    'selection: last step',
    `seeds ${caption.seeds.join(', ')}`,
    `δ = ${inPoints(protocol.delta)} points, α = ${protocol.alpha}, Holm within a family`,
    ...caption.powerless,
    [...caption.machines, ...caption.backends].join('; ') || 'no run yet',
    semanticsText(caption),
    `${protocol.tier === 'T0' ? '' : 'full optimizer: '}lr ${caption.lr}, weight decay ${caption.weightDecay}`,
    ...caption.versions.map((version) => `ranger21 ${version}`),
    ...caption.code.map((code) => `training code ${code}`),
    ...(caption.finishedAt === null ? [] : [caption.finishedAt.slice(0, 10)]),
    `${caption.runs} runs, ${caption.failed} failed`,
  ].join(' · ');
}

/** `reference semantics, but gradnorm.passes 1` */
export function semanticsText({ semantics, changedOptions }: Caption): string {
  if (changedOptions === null) return `${semantics} semantics (whether options differ from it is not recorded)`;
  return `${semantics} semantics${changedOptions.length > 0 ? `, but ${changedOptions.join(', ')}` : ''}`;
}

/** An older plan does not say how many images each class has. */
export const chanceText = ({ top1, isRecorded }: NonNullable<Caption['chance']>): string =>
  `${percent(top1)} %${isRecorded ? '' : ' (1/C, and ln C for losses: the plan does not record the labels)'}`;

/** How to read the table. */
export function legend({ target, reference, caption, rows }: StudyTable): string[] {
  const confidence = confidenceText(caption.protocol.alpha);
  return [
    `Val top-1 and loss: held-out set, last step, mean ± sd over seeds. Δ: arm − reference in points, paired by seed, ` +
      `${confidence} Student-t interval. p: exact sign-flip test, Holm’s correction within a group. ` +
      `MDE: the mean difference that this test finds with 80 % power in Holm’s first step, for normal differences with the ` +
      `observed deviation; none where the seeds are too few for any.`,
    `A verdict is about the arm: where \`-x\` hurts, x helps. Equivalence is not corrected over arms. ` +
      `Synergy: what a component adds to \`${reference}\` less what it adds alone.${
        rows.some(({ optimizerMs }) => optimizerMs !== null)
          ? ' Optimizer: the step less forward and backward pass as timed when the study began.'
          : ''
      }`,
    ...(target
      ? [
          `Target: top-1 of ${percent(target.value)} %, ${target.source === 'the plan' ? 'from the plan' : `the median of \`${target.source}\`, known only afterwards`}; ` +
            `steps: median [quartiles] over seeds, not reached counting as infinite; speed-up: the reference’s median over the arm’s ` +
            `[${confidence} percentile bootstrap over seeds], none where only one of the two got there at half of the seeds.`,
        ]
      : []),
  ];
}

/** What the controls showed. */
export function controlsText({ aa, twice, offAll, dataWaitShare }: Footer): string {
  return [
    aa && aa.mean !== null
      ? `A/A (the full optimizer on other seeds): ${points(aa.mean)}${intervalText(aa.interval, points)} points`
      : 'A/A: no result, so the noise floor is unknown',
    twice
      ? `same seed twice: ${points(twice.difference)} points${twice.sameWeights === null ? '' : twice.sameWeights ? ', the same weights to the bit' : ', other weights'}`
      : 'same seed twice: no result',
    offAll
      ? `every component off ≡ AdamW: ${offAll.passed ? 'passed' : 'FAILED'}, weights differ by ${offAll.largestDifference} after ${offAll.steps} steps`
      : 'every component off ≡ AdamW: not checked',
    dataWaitShare === null ? '' : `waiting for data: ${decimals(100 * dataWaitShare, 1)} % of the training time`,
  ]
    .filter(Boolean)
    .join(' · ');
}
