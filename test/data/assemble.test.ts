import { describe, expect, test } from 'vitest';
import { assemble, subset } from '../../src/data/assemble.ts';
import { UserError } from '../../src/errors.ts';
import { imageSet } from './toy.ts';

/** 100 one-pixel images whose pixel is their number; 50 of class 0, 30 of class 1, 20 of class 2. */
const split = {
  count: 100,
  images: Uint8Array.from({ length: 100 }, (_, i) => i),
  labels: Uint8Array.from({ length: 100 }, (_, i) => (i % 10 < 5 ? 0 : i % 10 < 8 ? 1 : 2)),
};
const histogram = (labels: Uint8Array) => [0, 1, 2].map((c) => labels.filter((label) => label === c).length);

describe('a subset', () => {
  test.each([
    [10, [5, 3, 2]],
    [50, [25, 15, 10]],
    [7, [4, 2, 1]], // shares 3.5, 2.1, 1.4: the one left over goes to the largest remainder
    [1, [1, 0, 0]],
    [99, [49, 30, 20]], // 49.5, 29.7, 19.8: two left over
  ])('of %i keeps the proportions of the classes', (n, expected) => {
    const { count, images, labels } = subset(split, n, 3, 'x');
    expect([count, images.length, histogram(labels)]).toEqual([n, n, expected]);
    expect(new Set(images).size).toBe(n);
    images.forEach((i, at) => expect(labels[at]).toBe(split.labels[i]));
  });

  test('is fixed, in the original order, and not simply the first samples', () => {
    const chosen = [...subset(split, 10, 3, 'x').images];
    expect(chosen).toEqual([...subset(split, 10, 3, 'x').images]);
    expect(chosen).toEqual(chosen.toSorted((a, b) => a - b));
    expect(Math.max(...chosen)).toBeGreaterThan(50);
  });

  test('of a larger size contains the smaller one', () => {
    const large = new Set(subset(split, 50, 3, 'x').images);
    expect([...subset(split, 10, 3, 'x').images].every((i) => large.has(i))).toBe(true);
  });

  test('of everything is everything; of more is an error', () => {
    expect(subset(split, undefined, 3, 'x')).toBe(split);
    expect(subset(split, 100, 3, 'x')).toBe(split);
    expect(() => subset(split, 101, 3, 'mnist train')).toThrow(UserError);
    expect(() => subset(split, 101, 3, 'mnist train')).toThrow('mnist train has 100 samples, 101 are asked for');
  });
});

describe('the fingerprint', () => {
  const base = () => imageSet(20, [2, 2, 1]);
  const of = (data: ReturnType<typeof base>, take = {}) => assemble(data, take).fingerprint;

  test('is a SHA-256 that depends on every pixel, label, the subset and the normalisation', () => {
    const changed = [
      (data: ReturnType<typeof base>) => (data.train.images[79] = 0),
      (data: ReturnType<typeof base>) => (data.test.images[0] = 1),
      (data: ReturnType<typeof base>) => (data.train.labels[3] = 9),
      (data: ReturnType<typeof base>) => (data.test.labels[19] = 0),
    ].map((change) => {
      const data = base();
      change(data);
      return of(data);
    });
    const all = [
      ...changed,
      of(base()),
      of(base(), { train: 10 }),
      of({ ...base(), scale: 16 }),
      of({ ...base(), mean: [0.4] }),
    ];
    expect(new Set(all).size).toBe(all.length);
    expect(all.every((hash) => /^[0-9a-f]{64}$/.test(hash))).toBe(true);
  });

  test('does not depend on where the data came from or what they are called', () => {
    expect(of({ ...base(), name: 'copy' })).toBe(of(base()));
  });
});
