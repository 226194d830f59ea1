/** Parameters picked by name. */

/** Whether one of the patterns is the name; `*` stands for any characters: `head/*`, `*bias`. */
export const matchesAny = (patterns: readonly string[], name: string): boolean =>
  patterns.some((pattern) => matches(pattern.split('*'), name));

/** The parts in their order, the first at the start and the last at the end; in time linear in the name, whatever the pattern. */
function matches([first = '', ...rest]: readonly string[], name: string): boolean {
  const last = rest.pop();
  if (last === undefined) return name === first;
  const end = name.length - last.length;
  let at = first.length;
  if (!name.startsWith(first) || !name.endsWith(last) || at > end) return false;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= end;
}
