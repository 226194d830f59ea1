/** Configs, what they extend, flags, references to the environment, and the laws of merging. */
import { isUtf8 } from 'node:buffer';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkedExperiment } from '../../src/config/check.ts';
import { interpolate } from '../../src/config/environment.ts';
import { loadExperiment, type Loaded } from '../../src/config/load.ts';
import { override } from '../../src/config/overrides.ts';
import type { Problem } from '../../src/config/problem.ts';
import { resolvedYaml } from '../../src/config/resolved.ts';
import { experimentSchema } from '../../src/config/schema.ts';
import { merge, plain, type MapTree } from '../../src/config/tree.ts';
import { parseYaml } from '../../src/config/yaml.ts';
import { planConflicts } from '../../src/experiment/study/planConflicts.ts';
import { bad } from './bytes.ts';
import { feed, fuzz, scratch } from './harness.ts';
import { damagedJson, hostileText, hostileValue } from './json.ts';

const shipped = readdirSync('configs').filter((name) => name.endsWith('.yaml'));
const real = Object.fromEntries(shipped.map((name) => [name, readFileSync(join('configs', name), 'utf8')]));
const base = Object.fromEntries(
  readdirSync('configs/base').map((name) => [`base/${name}`, readFileSync(join('configs/base', name), 'utf8')]),
);

const folder = join(scratch, 'configs');
mkdirSync(join(folder, 'base'), { recursive: true });
for (const [name, text] of Object.entries({ ...real, ...base })) writeFileSync(join(folder, name), text);
const path = join(folder, 'x.yaml');
const minimal =
  'model: { name: r8-basic }\ndataset: { name: digits }\noptimizer: { lr: 1e-3 }\ntrain: { epochs: 2, batch: 64 }\n';

/** What was accepted is an experiment by the schema, and its resolved form loads again to the same. */
function sound(text: Uint8Array | string): (loaded: Loaded) => string {
  return ({ experiment }) => {
    expect(isUtf8(Buffer.from(text)), 'not UTF-8').toBe(true);
    expect(experimentSchema.parse(experiment)).toEqual(experiment);
    const source = { name: 'resolved', kind: 'file', text: resolvedYaml(experiment) } as const;
    const { tree, problems } = parseYaml(source, {});
    expect(problems).toEqual([]);
    expect(experimentSchema.parse(plain(tree!))).toEqual(experiment);
    return 'valid by the schema, and resolves to itself';
  };
}

const loaded = (
  reader: string,
  text: Uint8Array | string,
  options: Parameters<typeof loadExperiment>[1] = { env: {} },
) => {
  writeFileSync(path, text);
  return feed(reader, () => loadExperiment(path, options), sound(text));
};

describe('config text', () => {
  test('damaged real configs', () =>
    fuzz(
      fc.constantFrom(...Object.values(real)).chain((text) =>
        bad(
          Buffer.from(text),
          Object.values(base).map((other) => Buffer.from(other)),
        ),
      ),
      ({ bytes }) => loaded('config text', bytes),
    ));

  const piece = fc.oneof(
    fc.constantFrom(
      ...'model name dataset digits optimizer components agc train epochs batch seed study extends'.split(' '),
    ),
    fc.constantFrom(
      ': ',
      ':\n  ',
      '\n',
      '\n- ',
      '\t',
      '\r\n',
      ' ',
      '{',
      '}',
      '[',
      ']',
      ', ',
      '"',
      "'",
      '#',
      '|\n',
      '>\n',
      '? ',
      '---\n',
      '...\n',
    ),
    fc.constantFrom(
      '&a ',
      '*a',
      '&a *a',
      '<<: ',
      '<<: *a',
      '<<: [*a, *a]',
      '!delete',
      '!!str ',
      '!!binary ',
      '!<x> ',
      '%YAML 1.1\n',
      '!!js/function x',
    ),
    fc.constantFrom(
      '__proto__',
      'constructor: { prototype: 1 }',
      '"\\u005f_proto__": 1',
      '${env:A}',
      '${',
      '$${',
      '1e999',
      '.inf',
      '.nan',
      '0x10',
      '-',
    ),
    fc.constantFrom(
      '\0',
      '\u001b',
      '\ufeff',
      '\u2028',
      '\ud800',
      'é',
      '9'.repeat(400),
      '[['.repeat(40),
      '{a: '.repeat(70),
    ),
    fc.string({ maxLength: 6, unit: 'binary' }),
  );
  const text = fc.array(piece, { maxLength: 60, size: 'max' }).map((pieces) => pieces.join(''));
  test('words and signs of YAML', () =>
    fuzz(
      fc.oneof(
        text,
        text.map((more) => `${minimal}${more}`),
      ),
      (input) => loaded('config text', input),
    ));

  test.each(['ablation', 'partners-nfresnet'])('values of the wrong kind anywhere in configs/%s.yaml', async (name) => {
    const experiment = (await loadExperiment(join(folder, `${name}.yaml`), { env: {} })).experiment;
    const places = [...leavesOf(experiment)];
    const change = fc.tuple(fc.constantFrom(...places), hostileValue);
    await fuzz(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      const copy = structuredClone(experiment) as Record<string, unknown>;
      for (const [at, value] of changes) set(copy, at, value);
      return loaded('config text', JSON.stringify(copy), { env: {}, alsoCheck: planConflicts });
    });
  });

  test('the experiment of a plan', async () => {
    const experiment = (await loadExperiment(join(folder, 'ablation.yaml'), { env: {} })).experiment;
    await fuzz(damagedJson(experiment), (text) =>
      feed(
        'experiment of a plan',
        () => checkedExperiment(text.startsWith('[[') ? [] : JSON.parse(text), 'plan.json'),
        (found) => {
          expect(experimentSchema.parse(found)).toEqual(found);
          return 'valid by the schema';
        },
      ),
    );
  });

  const bombs: readonly (readonly [string, string | Uint8Array])[] = [
    [
      'aliases of aliases',
      Array.from(
        { length: 12 },
        (_, i) =>
          `k${i}: &a${i} [${Array(9)
            .fill(i === 0 ? 'x' : `*a${i - 1}`)
            .join()}]`,
      ).join('\n'),
    ],
    [
      'merge keys of merge keys',
      Array.from(
        { length: 14 },
        (_, i) => `k${i}: &a${i} { ${i === 0 ? 'x: 1' : `a: { <<: *a${i - 1} }, b: { <<: *a${i - 1} }`} }`,
      ).join('\n'),
    ],
    ['one long text in many places', `a: &a "${'${env:A}'.repeat(5_000)}"\nb: [${Array(4_000).fill('*a').join()}]`],
    ['a flow nested without end', 'a: '.padEnd(90_000, '[')],
    ['a block nested without end', Array.from({ length: 400 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['more lists than values', `a: [${'[],'.repeat(30_000)}]`],
    ['mistakes without end', '\t- x\n'.repeat(19_000)],
    ['unknown keys without end', Array.from({ length: 4_900 }, (_, i) => `k${i}: 1`).join('\n')],
    ['duplicate keys without end', 'seed: 1\n'.repeat(12_000)],
    ['arms without end', `${minimal}study: { disable: ["${'gc+'.repeat(30_000)}gc"] }`],
    ['a key without end', `${'k'.repeat(99_000)}: 1`],
    ['a text without end', `${minimal}name: ${'n'.repeat(99_000)}`],
    ['a number without end', `${minimal}seed: ${'9'.repeat(99_000)}`],
    ['longer than a config', '# '.repeat(60_000)],
    ['a byte order mark and CRLF', `\ufeff${minimal.replaceAll('\n', '\r\n')}`],
    ['UTF-16', Buffer.from(`\ufeff${minimal}`, 'utf16le')],
    ['half a character', Buffer.concat([Buffer.from(minimal), Buffer.from([0xc3])])],
    ['an overlong character', Buffer.concat([Buffer.from(`${minimal}name: `), Buffer.from([0xc0, 0xaf])])],
    ['NUL', `${minimal}name: "a\\0b"`],
    ['a number beyond all numbers', minimal.replace('1e-3', '1e999')],
    ['epochs beyond whole numbers', minimal.replace('epochs: 2', 'epochs: 9007199254740993')],
  ];
  test.each(bombs)('%s', async (name, text) => {
    const outcome = await loaded('config text', text, { env: { A: 'x'.repeat(10_000) } });
    expect(outcome).toBe(name === 'a byte order mark and CRLF' ? 'accepted' : 'refused');
  });
});

function* leavesOf(value: unknown, at: readonly string[] = []): Generator<readonly string[]> {
  if (at.length > 0) yield at;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) yield* leavesOf(inner, [...at, key]);
}

function set(value: Record<string, unknown>, [key, ...rest]: readonly string[], to: unknown): void {
  const inner = value[key!];
  if (rest.length === 0) value[key!] = to;
  else if (typeof inner === 'object' && inner !== null) set(inner as Record<string, unknown>, rest, to);
}

describe('extends', () => {
  const names = ['a.yaml', 'b.yaml', 'c.yaml', 'd.yaml'];
  const target = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...names, './a.yaml', '../configs/b.yaml', path) },
    { weight: 1, arbitrary: fc.constantFrom(...hostileText, '.', '/dev/zero', '/dev/null', 'pipe', folder) },
  );
  const file = fc
    .record({
      parents: fc.array(target, { maxLength: 3 }),
      text: fc.constantFrom('', 'seed: 1', 'train: !delete', 'x: 1', minimal, '- 1', '['),
    })
    .map(({ parents, text }) => (parents.length > 0 ? `extends: ${JSON.stringify(parents)}\n${text}` : text));
  test('chains, circles and what is no config', () =>
    fuzz(fc.array(file, { minLength: 5, maxLength: 5 }), ([first, ...others]) => {
      names.forEach((name, i) => writeFileSync(join(folder, name), others[i]!));
      return loaded('extends', first!);
    }));

  test('wide and deep', async () => {
    for (let i = 0; i < 100; i++) writeFileSync(join(folder, `wide${i}.yaml`), `seed: ${i}`);
    expect(
      await loaded(
        'extends',
        `extends: [${Array.from({ length: 100 }, (_, i) => `wide${i}.yaml`).join()}]\n${minimal}`,
      ),
    ).toBe('refused');
    for (let i = 0; i < 30; i++)
      writeFileSync(join(folder, `deep${i}.yaml`), `extends: [deep${i + 1}.yaml, deep${i + 1}.yaml]`);
    expect(await loaded('extends', 'extends: deep0.yaml')).toBe('refused');
  });

  test('a device without end is not read', async () => {
    const link = join(folder, 'zero.yaml');
    rmSync(link, { force: true });
    symlinkSync('/dev/zero', link);
    expect(await loaded('extends', 'extends: zero.yaml')).toBe('refused');
    expect(
      await feed(
        'extends',
        () => loadExperiment(link),
        () => 'never',
      ),
    ).toBe('refused');
  });
});

describe('flags', () => {
  const key = fc.oneof(
    fc.constantFrom(
      ...'model name optimizer core beta1 components agc clip lr train epochs augment study seeds dataset eval'.split(
        ' ',
      ),
    ),
    fc.constantFrom(...hostileText.filter((text) => text.length < 100)),
  );
  const keys = fc.oneof(
    { weight: 20, arbitrary: fc.array(key, { maxLength: 4 }).map((parts) => parts.join('.')) },
    { weight: 1, arbitrary: fc.constantFrom('a.'.repeat(40_000), 'a'.repeat(60_000), `${'train.'.repeat(70)}x`) },
  );
  const value = fc.oneof(
    fc.json(),
    fc.constantFrom(...hostileText),
    fc.constantFrom(
      '!delete',
      '*a',
      '&a [*a]',
      '[',
      '{ __proto__: { a: 1 } }',
      '~',
      '${env:A}',
      '<<: 3',
      'agc',
      '[agc, gc]',
      '{ agc: !delete }',
      '\t',
      '# x',
      '|',
      '1e999',
    ),
    fc.constantFrom('[', '{a: ', '- ', '? ').map((sign) => sign.repeat(20_000)),
  );
  const odd = fc.tuple(keys, fc.constantFrom('=', '=', '=', '', '=='), value).map((parts) => parts.join(''));
  const plausible = fc.constantFrom(
    'optimizer.lr=3e-4',
    'train.epochs=3',
    'study.seeds=[1, 2]',
    'optimizer.components.agc=true',
    'dataset.train=500',
    'seed=7',
  );
  const flag = fc.oneof(odd, plausible);
  const bare = `${minimal}name: x\n`;
  test('--set and --unset', () =>
    fuzz(fc.tuple(fc.array(flag, { minLength: 1, maxLength: 4 }), fc.array(keys, { maxLength: 2 })), ([set, unset]) =>
      loaded('--set and --unset', bare, { env: { A: 'gc' }, set, unset }),
    ));
});

describe('${env:…}', () => {
  const part = fc.oneof(
    fc.constantFrom(
      '${',
      '}',
      '$${',
      'env:',
      '${env:A}',
      '${env:A,b}',
      '${env:NONE,}',
      ',',
      '$',
      '{',
      'A',
      '${env:LONG}',
      '${env:__proto__}',
      '${env:toString}',
      '${now}',
    ),
    fc.string({ maxLength: 4 }),
  );
  /** The rules read off the text from left to right. */
  function expected(text: string, env: Record<string, string>): string | undefined {
    let out = '';
    for (let at = 0; at < text.length;) {
      if (text.startsWith('$${', at)) [out, at] = [`${out}\${`, at + 3];
      else if (text.startsWith('${', at)) {
        const end = text.indexOf('}', at);
        const [, name, fallback] =
          /^\$\{env:([A-Za-z_]\w*)(?:,([^]*))?$/.exec(end < 0 ? '' : text.slice(at, end)) ?? [];
        const found = (name !== undefined && Object.hasOwn(env, name) && env[name]) || fallback;
        if (found === undefined) return undefined;
        [out, at] = [out + found, end + 1];
      } else out += text[at++];
    }
    return out;
  }
  test('replaces, or complains', async () => {
    const env = { A: 'value', LONG: 'x'.repeat(30_000) };
    await fuzz(
      fc.array(part, { maxLength: 12 }).map((parts) => parts.join('')),
      async (text) => {
        const complaints: string[] = [];
        const result = interpolate(text, env, (message) => void complaints.push(message));
        await loaded('${env:…}', `${minimal}name: x\nstudy: { name: ${JSON.stringify(text)} }`, { env });
        const wanted = expected(text, env);
        if (wanted === undefined || wanted.length > 100_000) expect(complaints, text).not.toEqual([]);
        else expect([result, complaints]).toEqual([wanted, []]);
        expect(result.length).toBeLessThan(150_000);
      },
    );
  });
});

describe('merging', () => {
  const tree = (value: object): MapTree =>
    parseYaml({ name: 'x.yaml', kind: 'file', text: JSON.stringify(value) }, {}).tree as MapTree;
  const map = fc.letrec<{ map: object; any: unknown }>((tie) => ({
    map: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'toString', 'hasOwnProperty'), tie('any'), {
      maxKeys: 4,
      noNullPrototype: true,
    }),
    any: fc.oneof(
      { maxDepth: 4 },
      fc.integer(),
      fc.constantFrom('x', null, true),
      fc.array(fc.integer(), { maxLength: 2 }),
      tie('map'),
    ),
  })).map;
  /** Maps in which a key is always a map (m, n) or never (a, toString): where a map and a value take turns, order counts. */
  const consistent = fc.letrec<{ map: object }>((tie) => ({
    map: fc.record(
      {
        a: fc.oneof(fc.integer(), fc.array(fc.integer(), { maxLength: 2 })),
        toString: fc.constantFrom('x', null),
        m: fc.oneof({ maxDepth: 4 }, fc.constant({}), tie('map')),
        n: fc.oneof({ maxDepth: 4 }, fc.constant({}), tie('map')),
      },
      { requiredKeys: [], noNullPrototype: true },
    ),
  })).map;
  const on = (x: MapTree, y: MapTree, problems: Problem[] = []) => merge(x, y, problems);

  test('is idempotent, associative, has the empty map for its unit, and replaces lists', () =>
    fuzz(
      fc.oneof(fc.tuple(map, map, fc.constant({})), fc.tuple(consistent, consistent, consistent)),
      async ([x, y, z]) => {
        const [a, b, c] = [tree(x), tree(y), tree(z)];
        await feed(
          'merge laws',
          () => plain(on(on(a, b), c)),
          (value) => {
            expect(plain(on(a, on(b, c)))).toEqual(value);
            expect(plain(on(a, a))).toEqual(x);
            expect(plain(on(a, tree({})))).toEqual(x);
            expect(plain(on(tree({}), a))).toEqual(x);
            for (const [key, inner] of Object.entries(z)) {
              if (Array.isArray(inner)) expect((value as Record<string, unknown>)[key]).toEqual(inner);
            }
            return 'the laws hold';
          },
        );
      },
    ));

  test('flags in a row are one after the other, and the same flag twice is the flag once', () =>
    fuzz(
      fc.tuple(
        map,
        fc.array(fc.tuple(fc.constantFrom('a', 'b', 'a.b', 'a.b.c'), fc.json({ maxDepth: 1 })), { maxLength: 3 }),
      ),
      async ([x, sets]) => {
        const set = sets.map(([key, value]) => `${key}=${value}`);
        const all = (flags: string[], from = tree(x)) => override(from, { set: flags }, {}, []);
        await feed(
          'merge laws',
          () => plain(all(set)),
          (value) => {
            expect(plain(set.reduce((from, flag) => all([flag], from), tree(x)))).toEqual(value);
            expect(plain(all(set.flatMap((flag) => [flag, flag])))).toEqual(value);
            return 'the laws hold';
          },
        );
      },
    ));
});
