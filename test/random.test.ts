import { describe, expect, test } from 'vitest';
import { nameIndex, permutation, philox4x32, stream } from '../src/random.ts';

describe('Philox4x32-10 gives the known answers published with Random123', () => {
  test.each([
    [[0, 0, 0, 0], [0, 0], '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    [Array<number>(4).fill(0xffffffff), [0xffffffff, 0xffffffff], '408f276d 41c83b0e a20bc7c6 6d5451fd'],
    [[0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], 'd16cfe09 94fdcceb 5001e420 24126ea1'],
  ])('counter %j, key %j', (counter, key, expected) => {
    const words = philox4x32(counter, key).map((word) => word.toString(16).padStart(8, '0'));
    expect(words.join(' ')).toBe(expected);
  });
});

test('a draw depends on every coordinate and on nothing else', () => {
  const first = (...at: Parameters<typeof stream>) => stream(...at).bits();
  const draws = [
    first(0, 'init', 0, 0),
    first(1, 'init', 0, 0),
    first(2 ** 32, 'init', 0, 0),
    first(0, 'order', 0, 0),
    first(0, 'init', 1, 0),
    first(0, 'init', 0, 1),
  ];
  expect(new Set(draws).size).toBe(draws.length);
  expect(first(0, 'init', 0, 0)).toBe(draws[0]);
});

test('normal draws have the moments of a unit normal', () => {
  const n = 100_000;
  const draws = stream(3, 'init');
  let [sum, squares, fourth] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const x = draws.normal();
    sum += x;
    squares += x ** 2;
    fourth += x ** 4;
  }
  // five standard errors: 1/√n, √(2/n), √(96/n)
  expect(Math.abs(sum / n)).toBeLessThan(5 / Math.sqrt(n));
  expect(Math.abs(squares / n - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
  expect(Math.abs(fourth / n - 3)).toBeLessThan(5 * Math.sqrt(96 / n));
});

test('below(n) is uniform and a permutation holds every index once', () => {
  const draws = stream(5, 'order');
  const counts = new Array<number>(7).fill(0);
  for (let i = 0; i < 70_000; i++) counts[draws.below(7)]! += 1;
  const chiSquare = counts.reduce((total, c) => total + (c - 10_000) ** 2 / 10_000, 0);
  expect(chiSquare).toBeLessThan(22.46); // 0.999 quantile of χ² with 6 degrees of freedom
  expect([...permutation(1000, stream(5, 'order'))].sort((a, b) => a - b)).toEqual([...Array(1000).keys()]);
});

test('FNV-1a of published strings', () => {
  expect([nameIndex(''), nameIndex('a'), nameIndex('foobar')]).toEqual([0x811c9dc5, 0xe40c292c, 0xbf9cf968]);
});
