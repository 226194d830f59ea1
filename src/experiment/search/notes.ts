/** What a reader must know of how a study's hyperparameters were chosen. */
import type { Arm, StudyPlan } from '../../runs/study.ts';
import { protocolOf } from '../study/protocol.ts';

/** Below so many trials a search says little of the best a space has. */
const FEW_TRIALS = 16;

/** One sentence each. */
export function tuningNotes(plan: StudyPlan): string[] {
  const { tier, search } = protocolOf(plan);
  const searched = plan.arms.filter(({ sameAs, tuning }) => sameAs === undefined && tuning?.by !== undefined);
  return [
    ...(tier === 'T1' && search && search.budget < FEW_TRIALS
      ? [
          `${search.budget} trials an arm are few: at least ${FEW_TRIALS} make a comparison that tuning would not turn over`,
        ]
      : []),
    ...searched.flatMap(untrained),
    ...searched.flatMap(otherEdges),
  ];
}

const untrained = ({ name, tuning }: Arm): string[] =>
  tuning?.failed === tuning?.trials
    ? [`no trial of ${name} trained: its hyperparameters are the first that were tried`]
    : [];

/** Edges other than the learning rate's, which stands with what would change the conclusions. */
function otherEdges({ name, tuning }: Arm): string[] {
  const keys = (tuning?.edges ?? []).map(short).filter((key) => key !== 'lr');
  return keys.length === 0 ? [] : [`the best ${keys.join(' and ')} of ${name} lies at the edge of its search`];
}

/** The arms whose best hyperparameters lie at the edge of what was searched, for the caption: `adamw (lr)`. */
export const searchEdges = ({ arms }: StudyPlan): string[] =>
  arms.flatMap(({ name, tuning, sameAs }) =>
    sameAs !== undefined || !tuning?.edges?.length ? [] : [`${name} (${tuning.edges.map(short).join(', ')})`],
  );

const short = (key: string): string => key.replace('optimizer.', '');
