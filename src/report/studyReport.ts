/** Everything a report of a study consists of, as texts by the path they belong at in the study's folder. */
import type { StudyTable } from '../experiment/table/table.ts';
import type { StudyPlan } from '../runs/study.ts';
import type { Ledger } from '../runs/tuning.ts';
import type { ArmCurves } from './curves.ts';
import { activityFigure } from './figures/activity.ts';
import { costFigure } from './figures/cost.ts';
import { csvFile, svgFile, type Figure } from './figures/figure.ts';
import { forestFigure } from './figures/forest.ts';
import { learningFigures } from './figures/learning.ts';
import { lrFigure } from './figures/lrLine.ts';
import { armStyles } from './figures/palette.ts';
import { scheduleFigure } from './figures/schedules.ts';
import { targetFigure } from './figures/target.ts';
import { reportPage } from './html/page.ts';

/** `report.html`, and `figures/<id>.svg` with `figures/<id>.csv` for each figure there is something to draw for. */
export function studyReport(
  plan: StudyPlan,
  table: StudyTable,
  curves: readonly ArmCurves[],
  ledger?: Ledger,
): { readonly page: string; readonly figures: Readonly<Record<string, string>> } {
  const trained = { ...plan, arms: plan.arms.filter(({ sameAs }) => sameAs === undefined) };
  const styles = armStyles(trained.arms);
  const { rows, target, reference } = table;
  const trainedRows = rows.filter(({ sameAs }) => sameAs === undefined);
  const inactive = rows.find(({ arm }) => arm === reference)?.inactive ?? [];
  const figures = {
    differences: drawable([forestFigure(rows, table.caption.protocol)]),
    curves: drawable([...learningFigures(curves, styles), scheduleFigure(curves, styles)]),
    activity: drawable([activityFigure(trained.arms, reference, curves, inactive)]),
    target: drawable(target ? [targetFigure(trainedRows, target, styles)] : []),
    cost: drawable([costFigure(trainedRows, styles)]),
    tuning: drawable(ledger ? [lrFigure(ledger, styles)] : []),
  };
  return {
    page: reportPage({ plan: trained, table, styles, figures }),
    figures: Object.fromEntries(
      Object.values(figures)
        .flat()
        .flatMap((figure) => [
          [`${figure.id}.svg`, svgFile(figure)],
          [`${figure.id}.csv`, csvFile(figure)],
        ]),
    ),
  };
}

/** Those with numbers below their head. */
const drawable = (figures: readonly Figure[]): Figure[] => figures.filter(({ data }) => data.length > 1);
