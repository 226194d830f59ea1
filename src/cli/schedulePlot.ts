/** A schedule drawn with characters. */

interface Curve {
  readonly totalSteps: number;
  readonly peak: number;
  readonly warmupEnd?: number;
  readonly warmdownStart?: number;
  readonly lr: (t: number) => number;
}

/** How a column is filled from 0 to its whole height, and the frame around. */
const unicode = {
  levels: [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
  side: '│',
  corner: '└',
  floor: '─',
  mark: '┬',
};
const ascii = { levels: [' ', '.', ':', '#'], side: '|', corner: '+', floor: '-', mark: '+' };

/**
 * Learning rate over all steps: rows from the highest rate down to 0, below them the steps where warm-up ends and
 * warm-down starts.
 */
export function plotSchedule(
  { totalSteps, peak, warmupEnd, warmdownStart, lr }: Curve,
  { width = 72, height = 8, plain = false }: { width?: number; height?: number; plain?: boolean } = {},
): string {
  const { levels, side, corner, floor, mark } = plain ? ascii : unicode;
  const full = levels.length - 1;
  const stepAt = (column: number) => 1 + Math.round((column * (totalSteps - 1)) / (width - 1));
  const columnAt = (t: number) => (totalSteps === 1 ? 0 : Math.round(((t - 1) * (width - 1)) / (totalSteps - 1)));
  const rates = Array.from({ length: width }, (_, column) => lr(stepAt(column)));
  const top = Math.max(peak, ...rates);
  const filled = rates.map((rate) => Math.round((rate / top) * height * full));

  const label = (row: number) => (row === height - 1 ? top.toPrecision(3) : '').padStart(9);
  const rows = Array.from({ length: height }, (_, i) => {
    const row = height - 1 - i;
    const cells = filled.map((level) => levels[Math.min(full, Math.max(0, level - row * full))]);
    return `${label(row)} ${side}${cells.join('').trimEnd()}`;
  });

  const steps = [1, warmupEnd, warmdownStart, totalSteps].filter(
    (t) => t !== undefined && t >= 1 && t <= totalSteps,
  ) as number[];
  const axis = Array.from({ length: width }, () => floor);
  let names = '';
  for (const t of new Set(steps.sort((a, b) => a - b))) {
    const column = columnAt(t);
    axis[column] = mark;
    const start = Math.min(column, width - String(t).length);
    if (start >= names.length + (names ? 1 : 0)) names = names.padEnd(start) + String(t);
  }
  return [...rows, `${'0'.padStart(9)} ${corner}${axis.join('')}`, `${' '.repeat(11)}${names}`].join('\n');
}
