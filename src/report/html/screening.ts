/** Effects of a screening design, a row a component. */
import { confidenceText } from '../../experiment/study/protocol.ts';
import type { ScreenEffect } from '../../experiment/table/screening.ts';
import type { StudyTable } from '../../experiment/table/table.ts';
import { markup, type Markup } from '../markup.ts';
import { pointsText } from '../cells.ts';
import { missing, probability } from '../numbers.ts';

export const screeningTable = ({
  screening,
  caption,
}: StudyTable): Markup => markup`<p>What switching a component on does to top-1, on average over the settings of the others. An effect cannot be told from the interactions beside it.</p>
<div class="scroll" role="region" aria-label="Screening" tabindex="0"><table>
<thead><tr>${['component', `effect, points [${confidenceText(caption.protocol.alpha)}]`, 'p (Holm)', 'verdict', 'mixed with'].map((name, i) => markup`<th scope="col" class="plain ${(i === 0 || i > 2) && 'text'}">${name}</th>`)}</tr></thead>
<tbody>${screening.map(effectRow)}</tbody></table></div>`;

const effectRow = ({ component, mean, interval, pHolm, verdict, aliases }: ScreenEffect): Markup =>
  markup`<tr><th scope="row">${component}</th><td>${mean === null ? missing : pointsText(mean, interval)}</td><td>${probability(pHolm)}</td><td class="text">${verdict.bold ? markup`<b>${verdict.text}</b>` : verdict.text}</td><td class="text wrap">${aliases.join(', ')}</td></tr>
`;
