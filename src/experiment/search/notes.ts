/** What a reader must know of how a study's hyperparameters were chosen. */
import type { Arm, StudyPlan } from '../../runs/study.ts';
import { protocolOf } from '../protocol.ts';

/** Below so many trials a search says little of the best a space has. */
const FEW_TRIALS = 16;

/** One sentence each. */
export function tuningNotes(plan: StudyPlan): string[] {
  const { tier, search } = protocolOf(plan);
  const searched = plan.arms.filter(({ sameAs, tuning }) => sameAs === undefined && tuning?.by !== undefined);
  const ranges = searched.flatMap(({ name, tuning }) => {
    const [low, high] = tuning?.lrRange ?? [];
    return low === undefined || high === undefined ? [] : [`${name} ${low === high ? low : `${low} … ${high}`}`];
  });
  return [
    ...(tier === 'T1' && search && search.budget < FEW_TRIALS
      ? [
          `${search.budget} trials an arm are few: at least ${FEW_TRIALS} make a comparison that tuning would not turn over`,
        ]
      : []),
    ...searched.flatMap(untrained),
    ...searched.flatMap(otherEdges),
    ...(tier === 'T2' && ranges.length > 0
      ? [`learning rates within half a point of the best, where neighbours of it are: ${ranges.join(', ')}`]
      : []),
  ];
}

const untrained = ({ name, tuning }: Arm): string[] =>
  tuning?.failed === tuning?.trials
    ? [`no trial of ${name} trained: its hyperparameters are the first that were tried`]
    : [];

/** Edges other than the learning rate's, which stands with what would change the conclusions. */
function otherEdges({ name, tuning }: Arm): string[] {
  const keys = (tuning?.edges ?? [])
    .filter((key) => key !== 'optimizer.lr')
    .map((key) => key.replace('optimizer.', ''));
  return keys.length === 0 ? [] : [`the best ${keys.join(' and ')} of ${name} lies at the edge of its search`];
}
