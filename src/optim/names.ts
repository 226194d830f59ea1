/** Parameters picked by name. */

/** Whether one of the patterns is the name; `*` stands for any characters: `head/*`, `*bias`. */
export function matchesAny(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => {
    const source = pattern.split('*').map((part) => part.replace(/[\\^$.+?()[\]{}|]/g, '\\$&'));
    return new RegExp(`^${source.join('.*')}$`).test(name);
  });
}
