/** Every operation of ops.ts, forward and gradient, on the backends that compile against the `cpu` oracle. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backend as cpu } from '../../src/tensor/backends/cpu/backend.ts';
import type { Session } from '../../src/tensor/compile.ts';
import { compiling } from '../backends.ts';
import { cases, evaluate, relativeError, valuesFor } from './opCases.ts';

describe.each(compiling)('$name against cpu', (backend) => {
  let overall = 0;
  let sessions: { compiled: Session; cpu: Session };
  beforeAll(async () => {
    sessions = { compiled: await backend.open({}, { threads: 1 }), cpu: await cpu.open({}, {}) };
  });
  afterAll(async () => {
    await sessions.compiled.close();
    console.log(`${backend.name}: worst relative error of ${cases.length} cases: ${overall.toExponential(1)}`);
  });

  // 5e-6 = 42 float32 ulps: both sum up to 200 products in float32, in different orders
  test.each(cases)('%s', async (_, one) => {
    const values = valuesFor(one);
    const found = await evaluate(sessions.compiled, one, values);
    const expected = await evaluate(sessions.cpu, one, values);
    expect(Object.keys(found)).toEqual(Object.keys(expected));
    for (const [name, { shape, data }] of Object.entries(expected)) {
      expect(found[name]!.shape, name).toEqual(shape);
      const error = relativeError(found[name]!.data, data);
      overall = Math.max(overall, error);
      expect(error, name).toBeLessThan(one.tolerance ?? 5e-6);
    }
  });
});
