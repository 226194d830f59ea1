/** Where two tables, as parsed from JSON, do not say the same. */

/** One line a cell: `rows[-pnm].top1.mean: 0.91 → 0.92`. Rows and runs are named by their arm and seed. */
export function differingCells(was: unknown, is: unknown, path = ''): string[] {
  if (isObject(was) && isObject(is)) {
    const [before, after] = [entriesOf(was), entriesOf(is)];
    return [...new Set([...before.keys(), ...after.keys()])].flatMap((key) =>
      differingCells(before.get(key), after.get(key), `${path}${key.startsWith('[') || path === '' ? '' : '.'}${key}`),
    );
  }
  const [left, right] = [was, is].map((value) => (value === undefined ? 'absent' : shortened(JSON.stringify(value))));
  return Object.is(was, is) ? [] : [`${path || 'table'}: ${left} → ${right}`];
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** The parts of a value by name: list items by the arm, component or seed they are about, else by their place. */
function entriesOf(value: object): Map<string, unknown> {
  if (!Array.isArray(value)) return new Map(Object.entries(value));
  return new Map(
    value.map((item: unknown, i) => {
      const { arm, component, seed } = (isObject(item) ? item : {}) as Record<string, string | number | undefined>;
      return [`[${arm ?? component ?? seed ?? i}]`, item];
    }),
  );
}

const shortened = (text: string): string => (text.length > 60 ? `${text.slice(0, 57)}…` : text);
