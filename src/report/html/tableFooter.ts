/** What stands under the table: how to read it, controls, what would change a conclusion, what to know before believing a row. */
import type { StudyTable } from '../../experiment/table/table.ts';
import { controlsText, legend } from '../captionText.ts';
import { coded, markup, type Markup } from '../markup.ts';

export const tableFooter = (table: StudyTable): Markup => markup`<div class="note soft">
${legend(table).map(
  (line) => markup`<p>${coded(line)}</p>
`,
)}<p>${coded(controlsText(table.footer))}.</p>
${list('What would change a conclusion', table.footer.wouldChange)}${list('Notes', table.notes)}</div>`;

const list = (title: string, items: readonly string[]): Markup | false =>
  items.length > 0 &&
  markup`<h3>${title}</h3>
<ul>${items.map((item) => markup`<li>${coded(item)}</li>`)}</ul>
`;
