/** `${env:NAME}` and `${env:NAME,default}` in strings; nothing else is interpolated, and nothing is evaluated. */

export type Environment = Readonly<Record<string, string | undefined>>;

/** Of a text once its references are replaced: a file may repeat a long variable many times. */
const longest = 100_000;

/**
 * The text with its references replaced; `$${` stands for `${` itself. An empty variable counts as unset.
 * Calls `fail` for what is no reference, and `unset` for one to a variable that is not set: that matters only where the
 * text is still there once files and flags are merged.
 */
export function interpolate(
  text: string,
  env: Environment,
  fail: (message: string) => void,
  unset: (message: string) => void = fail,
): string {
  let length = text.length;
  const grow = (value: string): string => {
    length += value.length;
    if (length <= longest) return value;
    if (length - value.length <= longest) fail(`longer than ${longest} characters once its references are replaced`);
    return '';
  };
  return text.replaceAll(/\$\$\{|\$\{([^}]*)(\}?)/g, (all, inside: string | undefined, close: string | undefined) => {
    if (inside === undefined) return '${';
    const [, name, fallback] = /^env:([A-Za-z_]\w*)(?:,(.*))?$/s.exec(inside) ?? [];
    if (!close || name === undefined) {
      fail(
        `"${shortened(all)}" is not a reference: write \${env:NAME} or \${env:NAME,default}, or $\${ for a plain \${`,
      );
      return all;
    }
    const value = (Object.hasOwn(env, name) && env[name]) || fallback; // toString is no variable
    if (value === undefined)
      unset(`the environment variable ${name} is not set; set it, or write \${env:${name},default}`);
    return value === undefined ? all : grow(value);
  });
}

const shortened = (text: string) => (text.length > 60 ? `${text.slice(0, 60)}…` : text);

/** The text such that `interpolate` gives it back. */
export const escapeReferences = (text: string): string => text.replaceAll('${', () => '$${');
