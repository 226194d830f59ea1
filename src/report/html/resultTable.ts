/** The tables of a study as HTML: every column that has something in it, sortable, each row linked to its runs. */
import { confidenceText } from '../../experiment/study/protocol.ts';
import type { Row } from '../../experiment/table/rows.ts';
import type { StudyTable } from '../../experiment/table/table.ts';
import { captionText } from '../captionText.ts';
import { markup, type Markup } from '../markup.ts';
import { detailColumns, tableColumns, type Column } from './tableColumns.ts';

export function resultTable({ caption, rows }: StudyTable): Markup {
  const columns = tableColumns(confidenceText(caption.protocol.alpha));
  return markup`<p class="note soft" id="caption">${captionText(caption)}</p>
${sortable(rows, columns, 'Table of results', 'caption')}`;
}

/** Every other number, in a table that is opened. */
export function detailTable({ caption, rows }: StudyTable): Markup {
  const columns = detailColumns(confidenceText(caption.protocol.alpha));
  return markup`<details><summary>Every other statistic: failures, effect sizes, bootstrap, equivalence</summary>
${sortable(rows, columns, 'Table of further statistics')}</details>`;
}

function sortable(rows: readonly Row[], columns: readonly Column[], name: string, caption?: string): Markup {
  const used = columns.filter(({ value }) => rows.some((row) => value(row) !== null));
  return markup`<div class="scroll broad" role="region" aria-label="${name}" tabindex="0"><table data-sortable aria-label="${name}"${caption && markup` aria-describedby="${caption}"`}>
<thead><tr>${used.map(head)}</tr></thead>
<tbody>
${rows.map((row, i) => markup`${row.group !== rows[i - 1]?.group && groupRow(row.group, used.length)}${armRow(row, used)}`)}</tbody>
</table></div>
<p class="sorted note soft" role="status"></p>`;
}

const head = ({ name, about, text }: Column): Markup =>
  markup`<th scope="col" aria-sort="none" class="${text && 'text'}"><button type="button" title="${about}">${name}</button></th>`;

const groupRow = (group: string, width: number): Markup =>
  markup`<tr class="group"><th scope="rowgroup" colspan="${width}"><span>${group}</span></th></tr>
`;

function armRow(row: Row, used: readonly Column[]): Markup {
  const cells = used.map(({ content, value, text, wrap }, i) => {
    const sorted = value(row);
    const data = markup`data-value="${sorted === null ? '' : String(sorted)}"${text && markup` data-text=""`}`;
    if (i === 0) return markup`<th scope="row" ${data}>${content(row)}</th>`;
    return markup`<td ${data} class="${text && 'text'} ${wrap && 'wrap'}">${content(row)}</td>`;
  });
  return markup`<tr>${cells}</tr>
`;
}
