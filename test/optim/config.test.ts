import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { componentNames } from '../../src/optim/components/registry.ts';
import { changesFromSemantics, optimizerSchema } from '../../src/optim/config.ts';

const issuesOf = (written: unknown) => {
  const result = optimizerSchema.safeParse(written);
  return result.success ? [] : result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
};

test('nothing written is the reference with its defaults', () => {
  const { components, ...rest } = optimizerSchema.parse({});
  expect(rest).toEqual({
    name: 'ranger21',
    semantics: 'reference',
    core: { name: 'adamw', beta1: 0.9, beta2: 0.999, eps: 1e-8, amsgrad: false, adabelief: false },
    lr: 1e-3,
    weightDecay: 1e-4,
    decay: { tensors: 'all', policy: 'all', exclude: [] },
    chebyshev: false,
    rank3Norm: 'input',
  });
  expect(Object.values(components).every(Boolean)).toBe(true);
});

test.each([
  {},
  { semantics: 'paper' },
  { semantics: 'reference-legacy', weightDecay: 0 },
  { name: 'adamw' },
  { core: 'madgrad', components: { pnm: false } },
  { components: ['agc', 'pnm'], decay: { policy: 'kernels', exclude: ['head/*'] } },
] as const)('resolving what is resolved changes nothing: %j', (written) => {
  const resolved = optimizerSchema.parse(written);
  expect(optimizerSchema.parse(resolved)).toEqual(resolved);
});

describe('components', () => {
  const on = (written: unknown) => {
    const { components } = optimizerSchema.parse(written);
    return componentNames.filter((name) => components[name] !== false);
  };
  test('a list is exactly these, a map changes the preset', () => {
    expect(on({ components: ['gc', 'pnm'] })).toEqual(['gc', 'pnm']);
    expect(on({ components: { pnm: false, agc: true } })).toEqual(componentNames.filter((name) => name !== 'pnm'));
    expect(on({ semantics: 'paper' })).toEqual(
      componentNames.filter((name) => name !== 'gradnorm' && name !== 'softplus'),
    );
    expect(on({ semantics: 'paper', components: { softplus: true } })).toContain('softplus');
    expect(on({ name: 'adamw' })).toEqual([]);
  });
  test('given options join the preset’s', () => {
    const { components } = optimizerSchema.parse({ semantics: 'paper', components: { pnm: { factor: 0.5 } } });
    expect(components.pnm).toEqual({ factor: 0.5, noiseNorm: 'factor' });
  });
});

test.each([
  [{ core: 'madgrad' }, 'components.pnm: madgrad has no momentum slot: set components.pnm: false, or core: adamw'],
  [
    { name: 'adamw', components: { pnm: true } },
    'components.pnm: adamw has every component off: leave pnm out, or set name: ranger21',
  ],
  [{ name: 'adamw', core: 'madgrad' }, 'core: adamw has the core adamw: set name: ranger21 to use madgrad'],
  [
    { semantics: 'paper', components: { normloss: { factor: 0.1 } } },
    'components.normloss.factor: the product form of norm loss shares weightDecay: set factor: null, or form: independent',
  ],
  [
    { semantics: 'reference-legacy', components: { pnm: { factor: 0.9 } } },
    'components.pnm.factor: the code behind reference-legacy has the factor 1 whatever it is set to: leave it out, or set semantics: reference',
  ],
  [
    { semantics: 'as-run-2021-05', components: { pnm: { factor: 0 } } },
    'components.pnm.factor: the code behind as-run-2021-05 has the factor 1 whatever it is set to: leave it out, or set semantics: reference',
  ],
  [
    { semantics: 'as-run-2021-05', core: 'madgrad', components: { pnm: false } },
    'core: as-run-2021-05 is known for the core adamw only: set core: adamw, or semantics: reference',
  ],
  [{ learningRate: 1 }, ': Unrecognized key: "learningRate"'],
])('refuses %j', (written, message) => {
  expect(issuesOf(written)).toEqual([message]);
});

test('reference normalises the gradient twice', () => {
  expect(optimizerSchema.parse({}).components.gradnorm).toMatchObject({ passes: 2 });
});

test('as-run-2021-05 is upstream’s code of May 2021: no gradnorm, no softplus, the last tensor alone decays', () => {
  const { components, decay } = optimizerSchema.parse({ semantics: 'as-run-2021-05' });
  expect(componentNames.filter((name) => components[name] === false)).toEqual(['gradnorm', 'softplus']);
  expect(decay.tensors).toBe('last');
  expect(components.pnm).toEqual({ factor: 1, noiseNorm: 'beta2' });
  expect(components.warmdown).toMatchObject({ rule: 'steps-2021-05', start: 0.72, minLr: 3e-5, floor: 'literal' });
});

test.each<[z.input<typeof optimizerSchema>, string[]]>([
  [{}, []],
  [{ semantics: 'paper', lr: 0.3, weightDecay: 0.1 }, []],
  [{ components: { gradnorm: { passes: 1 } } }, ['gradnorm.passes 1']],
  [{ components: { pnm: false, agc: { exclude: ['*skipGain', 'x'] } } }, ['agc.exclude *skipGain, x', 'pnm off']],
  [{ semantics: 'paper', components: { softplus: true } }, ['softplus on']],
  [{ semantics: 'reference-legacy', decay: { tensors: 'all' } }, ['decay.tensors all']],
  [{ core: 'madgrad', components: { pnm: false } }, ['pnm off', 'core madgrad']],
  [{ core: { name: 'adamw', beta2: 0.99 }, chebyshev: true }, ['core.beta2 0.99', 'chebyshev true']],
  [{ name: 'adamw', lr: 1 }, []],
])('what %j changes about its semantics', (written, changes) => {
  expect(changesFromSemantics(optimizerSchema.parse(written))).toEqual(changes);
});

test('the input has a JSON schema, for editors', () => {
  const schema = z.toJSONSchema(optimizerSchema, { io: 'input' }) as { properties: Record<string, object> };
  expect(Object.keys(schema.properties)).toContain('components');
});
