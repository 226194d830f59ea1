/** HTML and SVG as values: what is put into a template is escaped unless it is markup itself. */

export interface Markup {
  readonly markup: string;
}

type Content = string | number | Markup | undefined | null | false | readonly Content[];

/** `markup\`<td>${text}</td>\``: text and numbers escaped, markup as it is, lists joined, `undefined`, `null` and `false` nothing. */
export const markup = (parts: TemplateStringsArray, ...contents: readonly Content[]): Markup =>
  raw(parts.map((part, i) => (i === 0 ? part : rendered(contents[i - 1]) + part)).join(''));

/** Text that is markup already; never with anything in it that came from a file. */
export const raw = (text: string): Markup => ({ markup: text });

/** Text with `names in backticks`, which are set as code. */
export const coded = (text: string): Markup =>
  markup`${text.split('`').map((part, i) => (i % 2 === 1 ? markup`<code>${part}</code>` : part))}`;

/** Coordinates in SVG units, to a tenth: finer than any screen shows. */
export const px = (x: number): string => String(Math.round(10 * x) / 10 + 0);

function rendered(content: Content): string {
  if (content === undefined || content === null || content === false) return '';
  if (typeof content === 'string') return escaped(content);
  if (typeof content === 'number') return String(content);
  return 'markup' in content ? content.markup : content.map(rendered).join('');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Safe as the content of an element and inside a quoted attribute. Control characters, which XML 1.0 forbids even
 * escaped, become the replacement character.
 */
export const escaped = (text: string): string =>
  text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>"']/g, (character) => entities[character] ?? character);
