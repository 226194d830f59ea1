/** Where a value was written: a range of a file, or a flag of the command line. */

export interface Source {
  /** As shown to the user: a path, or the flag as typed. */
  readonly name: string;
  readonly kind: 'file' | 'flag';
  readonly text: string;
}

/** The characters start … end − 1 of a source. */
export interface Place {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}

/** Where each line starts; computed once a source, because a text may have as many mistakes as lines. */
const lineStarts = new WeakMap<Source, readonly number[]>();

function startsOf(source: Source): readonly number[] {
  let starts = lineStarts.get(source);
  if (!starts) {
    starts = [0, ...Array.from(source.text.matchAll(/\n/g), ({ index }) => index + 1)];
    lineStarts.set(source, starts);
  }
  return starts;
}

/** Line and column of an offset, both from 1. */
export function lineColumn(source: Source, offset: number): { line: number; column: number } {
  const starts = startsOf(source);
  let [low, high] = [0, starts.length]; // the line is the last that starts at or before the offset
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] as number) <= offset) low = middle;
    else high = middle;
  }
  return { line: low + 1, column: offset - (starts[low] as number) + 1 };
}

/** A line's text without its end. */
function lineText(source: Source, line: number): string {
  const starts = startsOf(source);
  const start = starts[line - 1];
  return start === undefined ? '' : source.text.slice(start, (starts[line] ?? source.text.length + 1) - 1);
}

/** `configs/x.yaml:14:7`, or the flag. */
export function placeName({ source, start }: Place): string {
  if (source.kind === 'flag') return shortened(source.name);
  const { line, column } = lineColumn(source, start);
  return `${printable(source.name)}:${line}:${column}`;
}

const widest = 100;

/**
 * The line of a place and the one above, with the place underlined; nothing for a flag, which is its own frame.
 *
 *       13 | optimizer:
 *     > 14 |   lr: abc
 *          |       ^^^
 */
export function codeFrame({ source, start, end }: Place): string[] {
  if (source.kind === 'flag') return [];
  const { line, column } = lineColumn(source, start);
  const cut = Math.max(0, column - 1 - (widest - 20));
  const shown = (text: string) => printable(text.slice(cut, cut + widest));
  const current = lineText(source, line);
  const digits = String(line).length;
  const previous = line > 1 ? shown(lineText(source, line - 1)).trimEnd() : '';
  const above = previous ? [`    ${String(line - 1).padStart(digits)} | ${previous}`] : [];
  const length = Math.max(
    1,
    Math.min(end - start, current.trimEnd().length - (column - 1), widest - (column - 1 - cut)),
  );
  const indent = shown(current)
    .slice(0, column - 1 - cut)
    .replaceAll(/[^\t]/g, ' ');
  return [
    ...above,
    `  > ${line} | ${shown(current)}`.trimEnd(),
    `    ${' '.repeat(digits)} | ${indent}${'^'.repeat(length)}`,
  ];
}

/** The text without control characters other than tabs, so that a file cannot steer the terminal. */
export function printable(text: string): string {
  return text.replaceAll('\r', '').replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '�');
}

/** Printable, and short enough to be told: somebody's text may be a whole file. */
export function shortened(text: string, most = 200): string {
  return printable(text.length > most ? `${text.slice(0, most)}…` : text);
}
