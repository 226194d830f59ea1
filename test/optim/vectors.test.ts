/**
 * The whole optimizer against float64 trajectories: fixtures/ranger21-vectors.json, written by the script beside it,
 * whose numbers agree with third-party implementations.
 */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { parseVectors } from '../../src/experiment/verify/vectorFile.ts';
import { verifyCase } from '../../src/experiment/verify/verifyOptimizer.ts';
import { usable } from '../backends.ts';

const file = new URL('../fixtures/ranger21-vectors.json', import.meta.url);
const vectors = parseVectors(readFileSync(file, 'utf8'), 'ranger21-vectors.json');
const tolerance = 2e-6; // absolute, float32 against float64; upstream in float32 is within 3.3e-7

test('the file has all its cases', () => {
  expect(vectors.filter(({ group }) => group === 'dense')).toHaveLength(41);
  expect(vectors.filter(({ group }) => group === 'multi')).toHaveLength(9);
  expect(vectors.filter(({ group }) => group === 'vanishing')).toHaveLength(9);
});

describe.each(usable)('on $name', (backend) => {
  let worst = { error: 0, at: '' };
  afterAll(() => console.log(`${backend.name}: worst error ${worst.error.toExponential(2)} in ${worst.at}`));

  test.each(vectors)('$group/$name', async (vector) => {
    const result = await verifyCase(vector, backend, tolerance);
    if (result.worst > worst.error)
      worst = { error: result.worst, at: `${vector.group}/${vector.name} ${result.where}` };
    expect(result.note).toBeUndefined();
    expect(result.worst, result.where).toBeLessThanOrEqual(tolerance);
  });
});
