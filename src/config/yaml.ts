/** YAML 1.2 text to a tree with places. */
import { Composer, isAlias, isMap, isScalar, isSeq, Parser, visit, type CST, type Document, type Node } from 'yaml';
import { interpolate, type Environment } from './environment.ts';
import { pathName, type Path, type Problem } from './problem.ts';
import { lineColumn, type Place, type Source } from './source.ts';
import type { Entry, MapTree, Tree } from './tree.ts';

/** Far above any config, far below what would exhaust the stack or the memory, or keep the parser busy for more than seconds. */
const limits = { depth: 64, values: 5_000 };
/** Bytes of a config. */
export const longestText = 100_000;

/** Names that mean something to every JavaScript object. */
export const forbiddenKeys: readonly string[] = ['__proto__', 'constructor', 'prototype'];

/** All but tab, line feed and carriage return. */
const controlCharacters = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/;
const codePoint = (character: string) => `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;

const knownTags = ['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map((name) => `tag:yaml.org,2002:${name}`);

export interface ParsedYaml {
  /** Undefined when the text is not YAML. */
  readonly tree: Tree | undefined;
  readonly problems: readonly Problem[];
}

/** Parses a source, reporting everything wrong with it. An empty text is null. */
export function parseYaml(source: Source, env: Environment): ParsedYaml {
  const whole: Place = { source, start: 0, end: source.text.length };
  const unreadable = (message: string, at = whole) => ({ tree: undefined, problems: [{ at, path: [], message }] });
  const { text } = source;
  if (text.length > longestText)
    return unreadable(`longer than ${longestText} characters`, { source, start: 0, end: 1 });
  const control = controlCharacters.exec(text);
  if (control)
    return unreadable(`${codePoint(control[0])} is a control character, which YAML does not allow`, {
      source,
      start: control.index,
      end: control.index + 1,
    });

  const tokens = [...new Parser().parse(text)];
  const deep = tokenBelow(tokens, limits.depth);
  if (deep)
    return unreadable(`nested deeper than ${limits.depth} levels`, {
      source,
      start: deep.offset,
      end: deep.offset + 1,
    });

  const options = {
    version: '1.2',
    schema: 'core',
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  } as const;
  const [document, second] = [...new Composer(options).compose(tokens, true, text.length)];
  const errors = document?.errors ?? [];
  if (errors.length > 0) {
    const all = errors.map(({ message, pos: [start, end] }) => ({ at: { source, start, end }, path: [], message }));
    const lines = all.map(({ at }) => lineColumn(source, at.start).line);
    return { tree: undefined, problems: all.filter((_, i) => lines[i] !== lines[i - 1]) }; // the rest of a line follows from its first
  }
  if (second)
    return unreadable('more than one document: remove the second ---', {
      source,
      start: second.range[0],
      end: second.range[0] + 1,
    });
  return toTree(document as Document.Parsed, source, env);
}

/** A token deeper than `depth`, found without recursion. */
function tokenBelow(tokens: readonly CST.Token[], depth: number): CST.Token | undefined {
  const stack = tokens.map((token) => ({ token, level: 0 }));
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { token, level } = next;
    if (level > depth) return token;
    const children: unknown[] = 'value' in token ? [token.value] : [];
    if ('items' in token) for (const { key, value } of token.items as CST.CollectionItem[]) children.push(key, value);
    for (const child of children) {
      if (typeof child === 'object' && child !== null) stack.push({ token: child as CST.Token, level: level + 1 });
    }
  }
  return undefined;
}

type Text = Pick<Extract<Tree, { kind: 'scalar' }>, 'unset'> & { readonly value: string };

function toTree(document: Document.Parsed, source: Source, env: Environment): ParsedYaml {
  const problems: Problem[] = [];
  const targets = aliasTargets(document);
  const open = new Set<Node>();
  const texts = new Map<Node, Text>(); // of strings, so that the aliases of one share it
  let values = 0;

  const placeOf = (node: Node | null): Place => {
    const [start = 0, end = start] = node?.range ?? [];
    return { source, start, end: Math.max(end, start) };
  };
  const nothing = (at: Place): Tree => ({ kind: 'scalar', at, value: null });

  function convert(node: Node | null, path: Path): Tree {
    const at = placeOf(node);
    const report = (message: string) => void problems.push({ at, path, message });
    if (++values > limits.values) return nothing(at);
    if (isAlias(node)) {
      const target = targets.get(node);
      if (target && !open.has(target) && path.length <= limits.depth) return convert(target, path);
      report(target ? `*${node.source} is inside the value it stands for` : `no &${node.source} before this alias`);
      return nothing(at);
    }
    if (node?.tag === '!delete') {
      if (!isScalar(node) || node.source) report('!delete takes no value');
      return { kind: 'delete', at };
    }
    if (node?.tag && !knownTags.includes(node.tag)) report(`unknown tag ${node.tag}; the only one is !delete`);
    if (isScalar(node)) {
      const { value } = node;
      if (typeof value === 'string') return { kind: 'scalar', at, ...textOf(node, value, report) };
      return { kind: 'scalar', at, value: typeof value === 'number' || typeof value === 'boolean' ? value : null };
    }
    if (!node || !(isMap(node) || isSeq(node))) return nothing(at);
    open.add(node);
    const tree = isMap(node)
      ? convertMap(node.items as { key: Node; value: Node | null }[], at, path)
      : ({ kind: 'list', at, items: node.items.map((item, i) => convert(item as Node, [...path, i])) } satisfies Tree);
    open.delete(node);
    return tree;
  }

  function textOf(node: Node, written: string, report: (message: string) => void): Text {
    const known = texts.get(node);
    if (known !== undefined) return known;
    const control = controlCharacters.exec(written);
    if (control) report(`${codePoint(control[0])} is a control character, which no value needs`);
    const unset: string[] = [];
    const value = interpolate(written, env, report, (message) => void unset.push(message));
    const text = { value, ...(unset.length > 0 && { unset }) };
    texts.set(node, text);
    return text;
  }

  function convertMap(items: readonly { key: Node; value: Node | null }[], at: Place, path: Path): MapTree {
    const entries = new Map<string, Entry>();
    const merged: Entry[] = [];
    for (const { key: keyNode, value } of items) {
      const keyAt = placeOf(keyNode);
      const key = isScalar(keyNode) ? (keyNode.source ?? '') : undefined;
      const report = (message: string) => void problems.push({ at: keyAt, path: [...path, key ?? '?'], message });
      if (key === undefined) report('a key must be a plain word');
      else if (forbiddenKeys.includes(key)) report('not allowed as a key');
      else if (key === '<<') merged.push({ keyAt, value: convert(value, path) });
      else if (entries.has(key)) report(`duplicate key, first given ${lineOf(entries.get(key)!.keyAt)}`);
      else {
        const converted = convert(value, [...path, key]);
        entries.set(key, { keyAt, value: value ? converted : nothing(keyAt) });
      }
    }
    for (const { keyAt, value } of merged) {
      for (const part of value.kind === 'list' ? value.items : [value]) {
        if (part.kind !== 'map')
          problems.push({ at: keyAt, path, message: '<< takes an alias of a map, or a list of them' });
        else for (const [key, entry] of part.entries) if (!entries.has(key)) entries.set(key, entry);
      }
    }
    return { kind: 'map', at, entries };
  }

  const tree = convert(document.contents, []);
  if (values <= limits.values) return { tree, problems };
  const message = `more than ${limits.values} values once its aliases are written out`;
  return { tree: undefined, problems: [{ at: { source, start: 0, end: 1 }, path: [], message }] };
}

const lineOf = ({ source, start }: Place) => {
  const { line, column } = lineColumn(source, start);
  return source.kind === 'file' ? `at ${line}:${column}` : 'before';
};

/** What each alias stands for: the last anchor of its name before it. */
function aliasTargets(document: Document.Parsed): Map<Node, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Node, Node>();
  visit(document, {
    Node: (_, node) => {
      if (isAlias(node)) {
        const target = anchors.get(node.source);
        if (target) targets.set(node, target);
      } else if (node.anchor) anchors.set(node.anchor, node);
    },
  });
  return targets;
}

/** `a.b.c` as a list of keys, or why it is none. */
export function keyPath(text: string): readonly string[] | string {
  const keys = text.split('.');
  if (keys.length > limits.depth) return `a path of ${keys.length} keys is deeper than ${limits.depth} levels`;
  const forbidden = keys.find((key) => forbiddenKeys.includes(key));
  if (forbidden) return `${forbidden} is not allowed as a key`;
  if (keys.some((key) => !/^[\w-]+$/.test(key)))
    return `"${text}" is not a path of keys such as ${pathName(['optimizer', 'lr'])}`;
  return keys;
}
