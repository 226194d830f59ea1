/** The whole table of a study as HTML: every column that has something in it, sortable, each row linked to its runs. */
import type { Row } from '../../experiment/rows.ts';
import type { StudyTable } from '../../experiment/table.ts';
import { captionText } from '../captionText.ts';
import { markup, type Markup } from '../markup.ts';
import { tableColumns, type Column } from './tableColumns.ts';

export function resultTable({ caption, rows }: StudyTable): Markup {
  const confidence = `${Number((100 * (1 - caption.protocol.alpha)).toPrecision(4))} %`;
  const used = tableColumns(confidence).filter(({ value }) => rows.some((row) => value(row) !== null));
  return markup`<p class="note soft" id="caption">${captionText(caption)}</p>
<div class="scroll broad" role="region" aria-label="Table of results" tabindex="0"><table data-sortable aria-labelledby="results-h" aria-describedby="caption">
<thead><tr>${used.map(head)}</tr></thead>
<tbody>
${rows.map((row, i) => markup`${row.group !== rows[i - 1]?.group && groupRow(row.group, used.length)}${armRow(row, used)}`)}</tbody>
</table></div>
<p id="sorted" class="note soft" role="status"></p>`;
}

const head = ({ name, about, text }: Column): Markup =>
  markup`<th scope="col" aria-sort="none" class="${text && 'text'}"><button type="button" title="${about}">${name}</button></th>`;

const groupRow = (group: string, width: number): Markup =>
  markup`<tr class="group"><th scope="rowgroup" colspan="${width}"><span>${group}</span></th></tr>
`;

function armRow(row: Row, used: readonly Column[]): Markup {
  const cells = used.map(({ cell, value, text, wrap }, i) => {
    const sorted = value(row);
    const data = markup`data-value="${sorted === null ? '' : String(sorted)}"${text && markup` data-text=""`}`;
    if (i === 0) return markup`<th scope="row" ${data}>${cell(row)}</th>`;
    return markup`<td ${data} class="${text && 'text'} ${wrap && 'wrap'}">${cell(row)}</td>`;
  });
  return markup`<tr>${cells}</tr>
`;
}
