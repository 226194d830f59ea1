/** What zod found, in our words and at the place it was written. */
import type { z } from 'zod';
import { didYouMean } from '../didYouMean.ts';
import { keysAt, keysNamed } from './known.ts';
import { pathName, type Path, type Problem } from './problem.ts';
import { find, type MapTree } from './tree.ts';

type Issue = z.core.$ZodIssue;

/**
 * Problems of a config that a schema refused. `input` is what was parsed, `tree` the same with places;
 * `jsonSchema` tells which keys exist, if it comes to that.
 */
export function issueProblems(
  issues: readonly Issue[],
  input: unknown,
  tree: MapTree,
  jsonSchema: () => unknown,
): Problem[] {
  let schema: unknown; // made once: a config may have thousands of unknown keys
  return issues.flatMap(meant).flatMap((issue): Problem[] => {
    const path = issue.path as Path;
    if (issue.code !== 'unrecognized_keys') return [locate(tree, path, wording(issue, valueAt(input, path)))];
    return issue.keys.map((key) => {
      const keyPath = [...path, key];
      const found = find(tree, keyPath);
      return {
        at: found.keyAt ?? found.tree.at,
        path: keyPath,
        message: unknownKey(keyPath, input, (schema ??= jsonSchema())),
      };
    });
  });
}

/** A problem with the value at a path; with what should hold it when there is none. */
export function locate(tree: MapTree, path: Path, message: string): Problem {
  const found = find(tree, path);
  const at = found.exact && found.tree.kind !== 'map' ? found.tree.at : (found.keyAt ?? found.tree.at);
  return { at, path, message };
}

/** The issues of the branch of a union that the input was meant for: one it has the type of, with the least wrong. */
function meant(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue];
  const branches = issue.errors.map((branch) => branch.flatMap(meant));
  const ofItsType = branches.filter((branch) => !branch.some(refusesType)).sort((a, b) => a.length - b.length);
  if (!ofItsType[0]) return [{ ...issue, errors: branches } as Issue];
  return ofItsType[0].map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
}

const refusesType = ({ code, path }: Issue) =>
  path.length === 0 && (code === 'invalid_type' || code === 'invalid_value');

function wording(issue: Issue, value: unknown): string {
  const expectation = expected(issue);
  if (value === undefined && expectation) return `missing, expected ${expectation}`;
  if (expectation) return `expected ${expectation}, got ${described(value)}${suggestion(value, wordsOf(issue))}`;
  if (!/^(Too (small|big)|Invalid)\b/.test(issue.message)) return withGot(issue, value);
  if (issue.code === 'too_small') {
    if (issue.origin === 'string') return `must not be empty`;
    if (issue.origin === 'array') return `needs at least ${issue.minimum} ${issue.minimum === 1 ? 'entry' : 'entries'}`;
    return `must be ${issue.inclusive ? 'at least' : 'greater than'} ${issue.minimum}, got ${described(value)}`;
  }
  if (issue.code === 'too_big') {
    const bound = issue.inclusive ? 'at most' : 'less than';
    return `must ${issue.origin === 'array' ? 'have' : 'be'} ${bound} ${issue.maximum}, got ${described(value)}`;
  }
  return withGot(issue, value);
}

/** A schema's own message; those about a value's form leave it to us to say which value. */
const withGot = (issue: Issue, value: unknown) =>
  issue.code === 'custom' || value === undefined ? issue.message : `${issue.message}, got ${described(value)}`;

/** What the schema wanted, or undefined when the issue is not about type or choice. */
function expected(issue: Issue): string | undefined {
  if (issue.code === 'invalid_type') return typeWords[issue.expected] ?? issue.expected;
  if (issue.code === 'invalid_value') return alternatives(issue.values.map(String));
  if (issue.code !== 'invalid_union') return undefined;
  if (issue.errors.length === 0) return `one of ${wordsOf(issue).join(', ')}`;
  const roots = issue.errors.flatMap((branch) => branch.filter(refusesType).slice(0, 1));
  const words = roots.map(expected).filter((text) => text !== undefined);
  return alternatives([...new Set(words.flatMap((text) => text.split(' or ')))]);
}

const typeWords: Readonly<Record<string, string>> = {
  int: 'whole number',
  boolean: 'true or false',
  object: 'a map',
  record: 'a map',
  array: 'a list',
  tuple: 'a list',
};

/** The words an issue would have accepted. */
function wordsOf(issue: Issue): string[] {
  if (issue.code === 'invalid_value') return issue.values.filter((value) => typeof value === 'string');
  if (issue.code !== 'invalid_union') return [];
  const options = (issue as { options?: readonly unknown[] }).options ?? [];
  return [
    ...options.filter((option) => typeof option === 'string'),
    ...issue.errors.flat().filter(refusesType).flatMap(wordsOf),
  ];
}

const alternatives = (words: readonly string[]) =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;

function suggestion(value: unknown, words: readonly string[]): string {
  const close = typeof value === 'string' ? didYouMean(value, words) : undefined;
  return close ? `; did you mean ${close}?` : '';
}

/** `string "abc"`, `number 3`, `a list`. */
function described(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null (no value)';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string')
    return `string ${JSON.stringify(value.length > 100 ? `${value.slice(0, 100)}…` : value)}`;
  if (typeof value === 'number') return `number ${value}`;
  return typeof value === 'boolean' ? String(value) : 'a map';
}

function unknownKey(path: Path, input: unknown, jsonSchema: unknown): string {
  const [key, parent] = [String(path.at(-1)), path.slice(0, -1)];
  const known = keysAt(jsonSchema, parent, input);
  const places = keysNamed(jsonSchema, key);
  const isOfAnotherName = places.includes(pathName(path)); // an option of another model, say
  const close = places.length > 0 && places.length <= 3 ? places.join(' or ') : didYouMean(key, known);
  if (close && !isOfAnotherName) return `unknown key; did you mean ${close}?`;
  const { name } = (valueAt(input, parent) ?? {}) as { name?: unknown };
  const owner = parent.length > 0 && typeof name === 'string' ? name : pathName(parent) || 'a config';
  return `unknown key; ${owner} takes ${known.join(', ')}`;
}

function valueAt(input: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[key] : undefined,
    input,
  );
}
