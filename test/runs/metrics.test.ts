import { describe, expect, test } from 'vitest';
import { fromJson, parseLines, toJson, toLine } from '../../src/runs/metrics.ts';
import { sampleStep } from './sample.ts';

const header = '{"schema":1,"kind":"steps"}\n';

describe('numbers that JSON cannot hold', () => {
  test('are strings in the text', () => {
    expect(toLine({ loss: NaN, up: Infinity, down: [-Infinity, 1.5, null] })).toBe(
      '{"loss":"NaN","up":"Infinity","down":["-Infinity",1.5,null]}\n',
    );
  });

  test('come back as numbers', () => {
    expect(fromJson('{"loss":"NaN","up":"Infinity","down":["-Infinity"],"word":"Nan"}')).toEqual({
      loss: NaN,
      up: Infinity,
      down: [-Infinity],
      word: 'Nan',
    });
  });

  test('a step with them survives', () => {
    const step = sampleStep(3, { loss: NaN, gradNorm: Infinity, meters: { 'swd/V': -Infinity } });
    expect(fromJson(toJson(step))).toEqual(step);
  });
});

describe('reading lines', () => {
  test('every line after the header is a row', () => {
    const text = header + toLine(sampleStep(1)) + toLine(sampleStep(2));
    expect(parseLines(text, 'steps', 'm')).toEqual({ rows: [sampleStep(1), sampleStep(2)], torn: false });
  });

  test.each<[string, string, number[]]>([
    ['in the header', header.slice(0, 10), []],
    ['in the first row', header + toLine(sampleStep(1)).slice(0, 40), []],
    ['in the second row', header + toLine(sampleStep(1)) + toLine(sampleStep(2)).slice(0, 7), [1]],
    ['before the second row’s end of line', header + toLine(sampleStep(1)) + toLine(sampleStep(2)).trimEnd(), [1]],
  ])('a file cut %s loses the cut line only', (_, text, steps) => {
    const { rows, torn } = parseLines<{ step: number }>(text, 'steps', 'm');
    expect(torn).toBe(true);
    expect(rows.map(({ step }) => step)).toEqual(steps);
  });

  test('an empty file has no rows', () => {
    expect(parseLines('', 'steps', 'm')).toEqual({ rows: [], torn: false });
  });

  test.each([
    [
      'a broken line in the middle',
      `${header}{"step":1}\n{"ste\n{"step":3}\n`,
      'runs/x/metrics.jsonl:3 is not JSON: {"ste',
    ],
    ['a row without a step', `${header}{"loss":1}\n`, 'runs/x/metrics.jsonl:2 has no step'],
    [
      'another schema',
      '{"schema":2,"kind":"steps"}\n',
      'runs/x/metrics.jsonl:1 is {"schema":2,"kind":"steps"}, expected {"schema":1,"kind":"steps"}',
    ],
    [
      'another kind of file',
      '{"schema":1,"kind":"evaluations"}\n',
      'runs/x/metrics.jsonl:1 is {"schema":1,"kind":"evaluations"}, expected {"schema":1,"kind":"steps"}',
    ],
  ])('%s is an error that says where', (_, text, message) => {
    expect(() => parseLines(text, 'steps', 'runs/x/metrics.jsonl')).toThrow(message);
  });
});
