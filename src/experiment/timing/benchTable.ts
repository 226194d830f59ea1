/** Blocks of timings to figures and a table. */
import type { Block } from './bench.ts';

/** What was timed, and how it went. */
export interface Timed {
  readonly name: string;
  readonly detail: string;
  readonly device: string;
  readonly batch: number;
  readonly compileSeconds: number;
  readonly firstStepSeconds: number;
  readonly peakRssBytes: number;
  /** What the process holds of a GPU's memory after the last block, its libraries' own included; absent where none is known. */
  readonly deviceBytes?: number;
  readonly blocks: readonly Block[];
}

/** Over the blocks, in milliseconds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Figures extends Omit<Timed, 'blocks'> {
  readonly step: Spread;
  readonly optimizer: Spread;
  /** Step less optimizer, block by block. */
  readonly forwardBackward: Spread;
  readonly imagesPerSecond: number;
}

/** How many times faster `ours` is than `theirs`: medians over the blocks of the ratio within a block. */
export interface Ratio {
  readonly ours: string;
  readonly theirs: string;
  readonly images: Spread;
  readonly optimizer: Spread;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)! };
}

export function figuresOf({ blocks, ...timed }: Timed): Figures {
  const step = spreadOf(blocks.map((b) => b.step));
  return {
    ...timed,
    step,
    optimizer: spreadOf(blocks.map((b) => b.optimizer)),
    forwardBackward: spreadOf(blocks.map((b) => b.step - b.optimizer)),
    imagesPerSecond: (1000 * timed.batch) / step.median,
  };
}

/** Each of `ours` against the fastest of `theirs`, blocks paired in the order they ran. */
export function ratiosOf(ours: readonly Timed[], theirs: readonly Timed[]): Ratio[] {
  const fastest = (part: keyof Block) =>
    theirs.toSorted(
      (a, b) => spreadOf(a.blocks.map((x) => x[part])).median - spreadOf(b.blocks.map((x) => x[part])).median,
    )[0];
  const [step, optimizer] = [fastest('step'), fastest('optimizer')];
  if (!step || !optimizer) return [];
  const ratio = (mine: Timed, other: Timed, part: keyof Block) =>
    spreadOf(mine.blocks.map((block, i) => other.blocks[i]![part] / block[part]));
  return ours.map((mine) => ({
    ours: mine.name,
    theirs: step === optimizer ? step.name : `${step.name}; optimizer ${optimizer.name}`,
    images: ratio(mine, step, 'step'),
    optimizer: ratio(mine, optimizer, 'optimizer'),
  }));
}

/** A Markdown table of the figures, and one of the ratios where there are any. */
export function benchText(title: string, figures: readonly Figures[], ratios: readonly Ratio[]): string {
  const ms = ({ median, min, max }: Spread) => `${median.toFixed(1)} (${min.toFixed(1)}–${max.toFixed(1)})`;
  const times = ({ median, min, max }: Spread) => `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
  const onGpu = figures.some(({ deviceBytes }) => deviceBytes !== undefined);
  const rows = figures.map((f) => [
    f.name,
    ms(f.step),
    ms(f.forwardBackward),
    ms(f.optimizer),
    f.imagesPerSecond.toFixed(1),
    (f.peakRssBytes / 2 ** 20).toFixed(0),
    ...(onGpu ? [f.deviceBytes === undefined ? '–' : (f.deviceBytes / 2 ** 20).toFixed(0)] : []),
    f.compileSeconds.toFixed(1),
    f.firstStepSeconds.toFixed(1),
  ]);
  const columns = [
    ...['', 'step ms', 'forward + backward ms', 'optimizer ms', 'images/s', 'peak MiB'],
    ...(onGpu ? ['GPU MiB'] : []),
    ...['compile s', 'first step s'],
  ];
  const ratioRows = ratios.map((r) => [r.ours, r.theirs, times(r.images), times(r.optimizer)]);
  return [
    title,
    table(columns, rows),
    ...(ratios.length > 0 ? [table(['', 'against', 'images/s ratio', 'optimizer ratio'], ratioRows)] : []),
  ].join('\n\n');
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((column, i) => Math.max(column.length, 3, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(columns), rule, ...rows.map(line)].join('\n');
}
