/** What was trained, on what, and how the comparison was declared: the facts a reader asks for first. */
import { inPoints } from '../../experiment/study/protocol.ts';
import type { StudyTable } from '../../experiment/table/table.ts';
import type { StudyPlan } from '../../runs/study.ts';
import { chanceText } from '../captionText.ts';
import { markup, type Markup } from '../markup.ts';
import { percent } from '../numbers.ts';
import { semanticsText } from '../captionText.ts';
import { tierText } from '../tierText.ts';

export function studyFacts(plan: StudyPlan, { caption, rows, target }: StudyTable): Markup {
  const { protocol, images, image } = caption;
  const completed = rows.reduce((n, row) => n + (row.sameAs === undefined ? row.completed : 0), 0);
  const facts: readonly (readonly [name: string, text: string | null])[] = [
    ['model', caption.model],
    ['data', `${caption.dataset}, SHA-256 ${caption.fingerprint}`],
    [
      'images',
      images && `${images.train} to train on, ${images.test} held out${image ? `, ${image.join(' × ')}` : ''}`,
    ],
    ['chance', caption.chance && chanceText(caption.chance)],
    [
      'training',
      `${caption.epochs} epochs, batch ${caption.batch}${caption.steps === null ? '' : `, ${caption.steps} steps`}`,
    ],
    ['optimizer', `${semanticsText(caption)}; lr ${caption.lr}, weight decay ${caption.weightDecay}`],
    ['hyperparameters', tierText(protocol)],
    ['plan', `${plan.arms.length} arms, seeds ${plan.seeds.join(', ')}: ${caption.runs} runs, ${completed} completed`],
    [
      'declared',
      `α = ${protocol.alpha}, δ = ${inPoints(protocol.delta)} points of top-1, Holm’s correction within a family`,
    ],
    ['target', target && `top-1 ${percent(target.value)} %, from ${target.source}`],
    ['ran on', [...caption.backends, ...caption.machines].join('; ')],
    ['program', caption.versions.map((version) => `ranger21 ${version}`).join(', ')],
    ['training code', caption.code.join(', ')],
    ['last run ended', caption.finishedAt && caption.finishedAt.slice(0, 10)],
    ['added to the plan', plan.additions.map(addition).join('; ')],
  ];
  return markup`<dl>${facts.map(([name, text]) => text !== null && text !== '' && markup`<dt>${name}</dt><dd>${text}</dd>`)}</dl>`;
}

const addition = ({ at, arms, seeds }: StudyPlan['additions'][number]): string =>
  `${at.slice(0, 10)}: ${[...arms, ...seeds.map((seed) => `seed ${seed}`)].join(', ')}`;
