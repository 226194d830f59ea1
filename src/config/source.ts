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

/** Line and column of an offset, both from 1. */
export function lineColumn(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

/** `configs/x.yaml:14:7`, or the flag. */
export function placeName({ source, start }: Place): string {
  if (source.kind === 'flag') return printable(source.name);
  const { line, column } = lineColumn(source.text, start);
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
  const { line, column } = lineColumn(source.text, start);
  const lines = source.text.split('\n');
  const cut = Math.max(0, column - 1 - (widest - 20));
  const shown = (text: string) => printable(text.slice(cut, cut + widest));
  const current = lines[line - 1] ?? '';
  const digits = String(line).length;
  const previous = line > 1 ? shown(lines[line - 2] ?? '').trimEnd() : '';
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
function printable(text: string): string {
  return text.replaceAll('\r', '').replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '�');
}
