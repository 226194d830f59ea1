import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { componentNames } from '../../src/optim/components/registry.ts';
import { optimizerSchema } from '../../src/optim/config.ts';

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
    'components.pnm.factor: reference-legacy has the factor 1 whatever it is set to: leave it out, or set semantics: reference',
  ],
  [{ learningRate: 1 }, ': Unrecognized key: "learningRate"'],
])('refuses %j', (written, message) => {
  expect(issuesOf(written)).toEqual([message]);
});

test('the input has a JSON schema, for editors', () => {
  const schema = z.toJSONSchema(optimizerSchema, { io: 'input' }) as { properties: Record<string, object> };
  expect(Object.keys(schema.properties)).toContain('components');
});
