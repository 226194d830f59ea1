import { describe, expect, test } from 'vitest';
import type { Row } from '../../src/experiment/table/rows.ts';
import type { Verdict } from '../../src/experiment/table/verdict.ts';
import { verdictList } from '../../src/report/html/verdicts.ts';

/** A row with what the sentences are made from. */
function row(
  arm: string,
  kind: Row['kind'],
  components: string[],
  verdict: Partial<Verdict>,
  mean: number | null = -0.014,
): Row {
  const comparison = {
    reference: kind === 'with' ? 'adamw+sched' : 'ranger21',
    mean,
    interval: mean === null ? null : [mean - 0.005, mean + 0.005],
    pHolm: mean === null ? null : 0.02,
    mde: 0.0046,
    seeds: [0, 1, 2],
    refused: null,
    verdict: {
      word: 'inconclusive',
      text: verdict.word,
      bold: verdict.word === 'helps' || verdict.word === 'hurts',
      ...verdict,
    },
  };
  return { arm, kind, group: 'leave one out', components, comparison } as unknown as Row;
}

const said = (...rows: Row[]): string[] =>
  [...verdictList(rows).markup.matchAll(/<li>(.*?)<\/li>/g)].map(([, text]) => text!.replaceAll(/<[^>]+>/g, ''));

describe('a verdict on an arm, turned into one on its component', () => {
  test.each<[Row, string]>([
    [
      row('-pnm', 'without', ['pnm'], { word: 'hurts' }),
      'Leaving pnm out of ranger21 hurts: it earns its place. −1.40 points [−1.90, −0.90], p = 0.020 (Holm), 3 seeds',
    ],
    [
      row('-pnm', 'without', ['pnm'], { word: 'helps' }),
      'Leaving pnm out of ranger21 helps: it costs more than it brings.',
    ],
    [
      row('-agc-gc', 'without', ['agc', 'gc'], { word: 'hurts' }),
      'Leaving agc and gc out of ranger21 hurts: together they earn their place.',
    ],
    [row('+pnm', 'with', ['pnm'], { word: 'helps' }), 'Adding pnm to adamw+sched helps: the result is better.'],
    [row('adamw', 'baseline', [], { word: 'hurts' }), 'adamw against ranger21 hurts: it is the worse of the two.'],
    [
      row('-gc', 'without', ['gc'], { word: 'no detectable effect' }),
      'Leaving gc out of ranger21 has no detectable effect; a true one of 0.46 points would be found with 80 % power.',
    ],
    [
      row('-gc', 'without', ['gc'], { word: 'equivalent', text: 'equivalent (±0.2)' }),
      'Leaving gc out of ranger21 is equivalent (±0.2).',
    ],
    [
      row('-gc', 'without', ['gc'], { text: 'inconclusive (gc inactive)' }),
      'Leaving gc out of ranger21 is inconclusive (gc inactive).',
    ],
  ])('%#', (from, sentence) => expect(said(from)[0]).toContain(sentence));
});

test('arms that are inconclusive for the same reason share a sentence', () => {
  const text = 'inconclusive (5 seeds cannot give helps or hurts in a family of 10: 9 are needed)';
  expect(said(row('-gc', 'without', ['gc'], { text }), row('-pnm', 'without', ['pnm'], { text }, null))).toEqual([
    'Inconclusive (5 seeds cannot give helps or hurts in a family of 10: 9 are needed): -gc −1.40 [−1.90, −0.90]; -pnm',
  ]);
});
