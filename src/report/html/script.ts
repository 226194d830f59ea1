/** What the page does by itself: sorts its table, and shows and hides arms. Without it everything is there and still. */

export const pageScript = `\
'use strict';
for (const table of document.querySelectorAll('table[data-sortable]')) {
  const body = table.tBodies[0];
  const planned = [...body.rows];
  const arms = planned.filter((row) => !row.classList.contains('group'));
  const said = table.parentElement.nextElementSibling;
  const value = (row, column) => {
    const text = row.cells[column].dataset.value ?? '';
    return text === '' ? undefined : row.cells[column].dataset.text === undefined ? Number(text) : text;
  };
  const compare = (a, b) => (typeof a === 'number' ? a - b : a.localeCompare(b));
  table.tHead.addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (!button) return;
    const head = button.closest('th');
    const next = { none: 'ascending', ascending: 'descending', descending: 'none' }[head.getAttribute('aria-sort') ?? 'none'];
    for (const other of table.tHead.rows[0].cells) if (other.hasAttribute('aria-sort')) other.setAttribute('aria-sort', 'none');
    head.setAttribute('aria-sort', next);
    const sign = next === 'descending' ? -1 : 1;
    const order = next === 'none' ? planned : arms.toSorted((a, b) => {
      const [x, y] = [value(a, head.cellIndex), value(b, head.cellIndex)];
      if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
      return sign * compare(x, y);
    });
    body.replaceChildren(...order);
    said.textContent = next === 'none' ? 'in the order of the plan' : 'sorted by ' + button.textContent + ', ' + next;
  });
}
for (const key of document.querySelectorAll('.key')) {
  const section = key.parentElement;
  const buttons = [...key.querySelectorAll('button[data-arm]')];
  const groups = [...section.querySelectorAll('.arm')];
  const armsOf = (group) => group.dataset.arms.split(' ');
  const show = () => {
    const on = new Set(buttons.filter((button) => button.getAttribute('aria-pressed') === 'true').map((button) => button.dataset.arm));
    for (const group of groups) group.classList.toggle('off', !armsOf(group).some((arm) => on.has(arm)));
  };
  const light = (arm) => {
    section.classList.toggle('faded', arm !== undefined);
    for (const group of groups) group.classList.toggle('lit', armsOf(group).includes(arm));
  };
  key.addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (!button) return;
    if (button.dataset.arm !== undefined) {
      button.setAttribute('aria-pressed', String(button.getAttribute('aria-pressed') !== 'true'));
    } else {
      const chosen = button.dataset.arms.split(' ');
      for (const other of buttons) other.setAttribute('aria-pressed', String(chosen.includes(other.dataset.arm)));
    }
    show();
  });
  for (const type of ['pointerover', 'focusin']) {
    key.addEventListener(type, (event) => {
      const button = event.target.closest('button[data-arm][aria-pressed=true]');
      light(button?.dataset.arm);
    });
  }
  for (const type of ['pointerleave', 'focusout']) key.addEventListener(type, () => light(undefined));
  key.hidden = false;
  show();
}
`;
