/** `${env:NAME}` and `${env:NAME,default}` in strings; nothing else is interpolated, and nothing is evaluated. */

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The text with its references replaced; `$${` stands for `${` itself. An empty variable counts as unset.
 * Calls `fail` for a reference it cannot resolve.
 */
export function interpolate(text: string, env: Environment, fail: (message: string) => void): string {
  return text.replaceAll(/\$\$\{|\$\{([^}]*)(\}?)/g, (all, inside: string | undefined, close: string | undefined) => {
    if (inside === undefined) return '${';
    const [, name, fallback] = /^env:([A-Za-z_]\w*)(?:,(.*))?$/s.exec(inside) ?? [];
    if (!close || name === undefined) {
      fail(`"${all}" is not a reference: write \${env:NAME} or \${env:NAME,default}, or $\${ for a plain \${`);
      return all;
    }
    const value = env[name] || fallback;
    if (value === undefined)
      fail(`the environment variable ${name} is not set; set it, or write \${env:${name},default}`);
    return value ?? all;
  });
}

/** The text such that `interpolate` gives it back. */
export const escapeReferences = (text: string): string => text.replaceAll('${', () => '$${');
