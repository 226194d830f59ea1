import { expect, test } from 'vitest';
import { coded, markup, px } from '../../src/report/markup.ts';

test('text is escaped wherever it is put, markup is not', () => {
  const name = `<b title="x">&'`;
  expect(markup`<p title="${name}">${name} ${markup`<i>${1}</i>`}</p>`.markup).toBe(
    '<p title="&lt;b title=&quot;x&quot;&gt;&amp;&#39;">&lt;b title=&quot;x&quot;&gt;&amp;&#39; <i>1</i></p>',
  );
});

test('lists are joined, absent values are nothing', () => {
  expect(markup`${[1, 'a', [markup`<br>`]]}${undefined}${null}${false}`.markup).toBe('1a<br>');
});

test('characters that XML forbids are replaced', () => {
  expect(markup`${'a\u0000b\u001bc\nd'}`.markup).toBe('a\ufffdb\ufffdc\nd');
});

test('backticks are code', () => {
  expect(coded('where `-<x>` hurts').markup).toBe('where <code>-&lt;x&gt;</code> hurts');
});

test('coordinates to a tenth, never −0', () => {
  expect([1.26, -0.01, 3, 1e-9].map(px)).toEqual(['1.3', '0', '3', '0']);
});
