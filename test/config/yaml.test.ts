import { describe, expect, test } from 'vitest';
import { configError } from '../../src/config/problem.ts';
import { plain } from '../../src/config/tree.ts';
import { parseYaml } from '../../src/config/yaml.ts';

const read = (text: string, env = {}) => parseYaml({ name: 'x.yaml', kind: 'file', text }, env);
const valueOf = (text: string, env = {}) => plain(read(text, env).tree!);
const complaint = (text: string) =>
  configError('x.yaml', read(text).problems, '').message.split('\n').slice(1).join('\n');

describe('values are YAML 1.2', () => {
  test.each([
    ['1e-3', 0.001],
    ['5.0e-3', 0.005],
    ['010', 10],
    ['no', 'no'],
    ['1_000', '1_000'],
    ['~', null],
    ['', null],
    ['[1, a, true]', [1, 'a', true]],
    ['{a: {b: 2}}', { a: { b: 2 } }],
    ['2020-01-01', '2020-01-01'],
    ['%YAML 1.1\n---\nyes', 'yes'],
  ])('%s', (text, value) => expect(valueOf(text)).toEqual(value));

  test('anchors, aliases and merge keys; the map’s own key wins', () => {
    expect(valueOf('base: &b { x: 1, y: 2 }\nboth: [*b, *b]\nown: { <<: *b, y: 3 }')).toEqual({
      base: { x: 1, y: 2 },
      both: [
        { x: 1, y: 2 },
        { x: 1, y: 2 },
      ],
      own: { x: 1, y: 3 },
    });
  });

  test('an earlier map of a merge list wins', () => {
    expect(valueOf('a: &a { x: 1 }\nb: &b { x: 2, y: 2 }\nc: { <<: [*a, *b] }')).toMatchObject({ c: { x: 1, y: 2 } });
  });
});

describe('what is wrong is told with its place', () => {
  test('a duplicate key', () => {
    expect(complaint('seed: 1\nname: a\nseed: 2')).toBe(
      [
        'x.yaml:3:1  seed: duplicate key, first given at 1:1',
        '    2 | name: a',
        '  > 3 | seed: 2',
        '      | ^^^^',
      ].join('\n'),
    );
  });

  test('keys that mean something to every object', () => {
    expect(complaint('__proto__: { polluted: true }\na: { constructor: 1 }')).toBe(
      [
        'x.yaml:1:1  __proto__: not allowed as a key',
        '  > 1 | __proto__: { polluted: true }',
        '      | ^^^^^^^^^',
        'x.yaml:2:6  a.constructor: not allowed as a key',
        '    1 | __proto__: { polluted: true }',
        '  > 2 | a: { constructor: 1 }',
        '      |      ^^^^^^^^^^^',
      ].join('\n'),
    );
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test.each([
    ['a: [1', '1:6'],
    ['\ta: 1', 'Tabs are not allowed as indentation'],
    ['a: 1\n---\nb: 2', 'x.yaml:2:1  more than one document: remove the second ---'],
    ['a: *nowhere', 'x.yaml:1:4  a: no &nowhere before this alias'],
    ['a: &x [*x]', 'x.yaml:1:8  a[0]: *x is inside the value it stands for'],
    ['? [1]\n: 2', 'x.yaml:1:3  ?: a key must be a plain word'],
    ['a: !env HOME', 'x.yaml:1:9  a: unknown tag !env; the only one is !delete'],
    ['a: !delete 3', 'x.yaml:1:12  a: !delete takes no value'],
    ['a: { <<: 3 }', 'x.yaml:1:6  a: << takes an alias of a map, or a list of them'],
    [`a: ${'['.repeat(20_000)}`, 'nested deeper than 64 levels'],
    ['- '.repeat(20_000), 'nested deeper than 64 levels'],
    ['# '.repeat(60_000), 'longer than 100000 characters'],
  ])('%.20s', (text, message) => expect(complaint(text)).toContain(message));

  test('aliases that would fill the memory', () => {
    const line = (name: string, of: string) => `${name}: &${name} [${Array(9).fill(of).join(', ')}]`;
    const levels = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];
    const bomb = levels.map((name, i) => line(name, i === 0 ? 'x' : `*${levels[i - 1]}`)).join('\n');
    const parsed = read(bomb);
    expect(parsed.tree).toBeUndefined();
    expect(parsed.problems.map(({ message }) => message)).toEqual([
      'more than 5000 values once its aliases are written out',
    ]);
  });

  test('control characters do not reach the terminal', () => {
    expect(complaint('a: "\u001b[2J"\na: 1')).not.toContain('\u001b');
  });
});

describe('references to the environment', () => {
  const env = { DATA: '/data', EMPTY: '' };
  test.each([
    ['${env:DATA}/x', '/data/x'],
    ['${env:DATA,/other}', '/data'],
    ['${env:NONE,/other}', '/other'],
    ['${env:EMPTY,/other}', '/other'],
    ['${env:NONE,}', ''],
    ['a $${env:DATA}', 'a ${env:DATA}'],
    ['$5 {a}', '$5 {a}'],
  ])('%s', (text, value) => expect(valueOf(JSON.stringify(text), env)).toBe(value));

  test.each([
    ['${now}', '"${now}" is not a reference: write ${env:NAME} or ${env:NAME,default}, or $${ for a plain ${'],
    ['${env:DATA', '"${env:DATA" is not a reference: write ${env:NAME} or ${env:NAME,default}, or $${ for a plain ${'],
  ])('%s', (text, message) => expect(read(JSON.stringify(text), env).problems[0]?.message).toBe(message));
});
