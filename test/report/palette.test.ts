import { expect, test } from 'vitest';
import { armStyles, schemes } from '../../src/report/figures/palette.ts';

/** Contrast of two colours, WCAG 2.2: (L₁ + 0.05) / (L₂ + 0.05). https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(a: string, b: string): number {
  const [dark, light] = [a, b].map(luminance).sort((x, y) => x - y) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function luminance(hex: string): number {
  const channels = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255);
  const [r, g, b] = channels.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)) as [
    number,
    number,
    number,
  ];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

test('the formula gives the values it is known for', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 9);
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
});

test.each(Object.entries(schemes))(
  '%s: text at 4.5 : 1 or more, lines and marks at 3 : 1 or more',
  (_, { paper, ink, soft, accent, hues }) => {
    for (const text of [ink, soft, accent]) expect(contrast(text, paper)).toBeGreaterThan(4.5);
    for (const hue of hues) expect(contrast(hue, paper)).toBeGreaterThan(3.4);
  },
);

/** sRGB → CIELAB under simulated colour blindness: matrices of Machado et al. 2009, severity 1, on linear RGB. */
const sight = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
};

function lab(hex: string, matrix: readonly (readonly number[])[]): number[] {
  const linear = [1, 3, 5]
    .map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  const [r, g, b] = matrix.map((row) =>
    Math.min(
      1,
      Math.max(
        0,
        row.reduce((sum, x, i) => sum + x * linear[i]!, 0),
      ),
    ),
  ) as [number, number, number];
  const f = (t: number) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
  const [x, y, z] = [
    f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047),
    f(0.2126 * r + 0.7152 * g + 0.0722 * b),
    f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883),
  ] as const;
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

test.each(Object.keys(schemes) as (keyof typeof schemes)[])(
  '%s: no two hues come closer than ΔE 25, whoever looks',
  (scheme) => {
    const { hues } = schemes[scheme];
    for (const matrix of Object.values(sight)) {
      hues.forEach((a, i) =>
        hues.slice(i + 1).forEach((b) => {
          const [p, q] = [lab(a, matrix), lab(b, matrix)];
          expect(Math.hypot(...p.map((x, k) => x - q[k]!)), `${a} ${b}`).toBeGreaterThan(25);
        }),
      );
    }
  },
);

test('no two arms of a large study look the same', () => {
  const arms = Array.from({ length: 20 }, (_, i) => ({ name: `-${i}`, kind: 'without' as const }));
  const looks = [
    ...armStyles([
      { name: 'full', kind: 'full' },
      { name: 'a', kind: 'baseline' },
      { name: 'b', kind: 'baseline' },
      ...arms,
    ]).values(),
  ];
  expect(new Set(looks.map(({ hue, dash }) => `${hue} ${dash}`)).size).toBe(23);
});
