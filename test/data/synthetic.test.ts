import { describe, expect, test } from 'vitest';
import { readCifar } from '../../src/data/cifar.ts';
import { readSynthetic, syntheticFile } from '../../src/data/synthetic.ts';
import { sha256 } from './toy.ts';

describe('synthetic images', () => {
  test('are a file in the CIFAR-10 binary format, ten classes in turn', () => {
    const bytes = syntheticFile(0, 0, 25, 70);
    expect(bytes.length).toBe(25 * 3073);
    const { labels } = readCifar(bytes, { count: 25, labelBytes: 1, classes: 10, name: 'x' });
    expect([...labels]).toEqual(Array.from({ length: 25 }, (_, i) => i % 10));
  });

  test('depend on seed, part and index only', () => {
    const long = syntheticFile(5, 0, 20, 70);
    expect(syntheticFile(5, 0, 10, 70)).toEqual(long.subarray(0, 10 * 3073));
    const others = [
      syntheticFile(5, 0, 10, 70),
      syntheticFile(6, 0, 10, 70),
      syntheticFile(5, 1, 10, 70),
      syntheticFile(5, 0, 10, 20),
    ];
    expect(new Set(others.map(sha256)).size).toBe(4);
  });

  test('neither mean colour nor a linear look at the pixels gives the class away', () => {
    const { train, test: held } = readSynthetic({ seed: 0, noise: 70, train: 2000, test: 500 });
    const size = 3072;
    const centres = Array.from({ length: 10 }, () => new Float64Array(size));
    train.labels.forEach((label, i) => {
      const centre = centres[label] as Float64Array;
      for (let k = 0; k < size; k++) centre[k] = (centre[k] as number) + (train.images[i * size + k] as number) / 200;
    });
    let hits = 0;
    held.labels.forEach((label, i) => {
      const distances = centres.map((centre) =>
        centre.reduce((sum, value, k) => sum + (value - (held.images[i * size + k] as number)) ** 2, 0),
      );
      if (distances.indexOf(Math.min(...distances)) === label) hits++;
    });
    expect(hits / held.count).toBeLessThan(0.16); // chance is 0.1, its standard error 0.013
  });

  test('stay clear of black and white for the most part', () => {
    const { train, mean, std } = readSynthetic({ seed: 0, noise: 70, train: 200, test: 1 });
    const average = train.images.reduce((a, b) => a + b, 0) / train.images.length / 255;
    const deviation = Math.sqrt(train.images.reduce((a, b) => a + (b / 255 - average) ** 2, 0) / train.images.length);
    expect(Math.abs(average - (mean[0] as number))).toBeLessThan(0.02);
    expect(Math.abs(deviation - (std[0] as number))).toBeLessThan(0.01);
    expect(train.images.filter((pixel) => pixel === 0 || pixel === 255).length / train.images.length).toBeLessThan(
      0.01,
    );
  });
});
