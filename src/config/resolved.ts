/** An experiment as YAML with every value written out and nothing left to resolve. */
import { parse } from 'yaml';
import { escapeReferences } from './environment.ts';
import { isMap, type Origin } from './origin.ts';

/** Loads again to the same experiment. With `origin`, every line says where its value came from. */
export function resolvedYaml(experiment: Record<string, unknown>, origin?: Origin): string {
  const lines = mapLines(experiment, []);
  const width = Math.min(60, Math.max(...lines.map(({ text }) => text.length)));
  return lines
    .map(({ text, path }) => {
      const from = origin?.get(path.join('.'));
      return from ? `${text.padEnd(width)}  # ${from}\n` : `${text}\n`;
    })
    .join('');
}

interface Line {
  readonly text: string;
  readonly path: readonly string[];
}

function mapLines(value: Record<string, unknown>, path: readonly string[]): Line[] {
  const indent = '  '.repeat(path.length);
  return Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .flatMap(([key, inner]): Line[] => {
      const here = [...path, key];
      if (isMap(inner) && Object.keys(inner).length > 0) {
        return [{ text: `${indent}${text(key)}:`, path: here }, ...mapLines(inner, here)];
      }
      return [{ text: `${indent}${text(key)}: ${flow(inner)}`, path: here }];
    });
}

/** A value on one line. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (isMap(value))
    return `{${Object.entries(value)
      .map(([key, inner]) => `${text(key)}: ${flow(inner)}`)
      .join(', ')}}`;
  return typeof value === 'string' ? text(escapeReferences(value)) : String(value);
}

/** Plain where YAML reads it back as the same text, else quoted. */
const text = (value: string): string =>
  /^[A-Za-z0-9][\w ./+-]*$/.test(value) && !value.endsWith(' ') && parse(value) === value
    ? value
    : JSON.stringify(value);
