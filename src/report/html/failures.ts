/** The runs that did not complete, one by one, and where to look. */
import type { RunCell, Row } from '../../experiment/table/rows.ts';
import { isWhole, stateWord } from '../../runs/statuses.ts';
import { markup, type Markup } from '../markup.ts';

export function failureList(rows: readonly Row[]): Markup {
  const failed = rows.flatMap(({ arm, runs }) => runs.flatMap((run) => (isWhole(run.state) ? [] : [{ arm, run }])));
  if (failed.length === 0) return markup`<p>None: every planned run completed.</p>`;
  return markup`<ul>${failed.map(({ arm, run }) => {
    return markup`<li><code>${arm}</code>, seed ${run.seed}: <strong>${stateWord(run.state)}</strong>${run.reason && `, ${run.reason}`} ${run.state !== 'planned' && markup`(${runLink(run, run.id.slice(0, 8))})`}</li>`;
  })}</ul>`;
}

/** A run's folder, from the study's; `path` begins with the study's name. */
export function runLink({ path, seed, state }: RunCell, text: string): Markup {
  const below = path.split('/').slice(-2).map(encodeURIComponent).join('/');
  return markup`<a href="./${below}/" title="seed ${seed}: ${state}">${text}</a>`;
}
