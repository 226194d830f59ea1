/** What a figure is: how it is drawn at a width, what it shows in words, and the numbers behind it. */
import { markup, px, raw, type Markup } from '../markup.ts';
import { figureCss, paletteCss } from './palette.ts';

export interface Drawing {
  readonly height: number;
  readonly body: Markup;
}

export interface Figure {
  /** Names the files and the place on the page. */
  readonly id: string;
  readonly title: string;
  /** What is drawn, how it was computed, and what to see in it. */
  readonly caption: string;
  /** `width` in CSS pixels; text keeps its size. */
  readonly draw: (width: number) => Drawing;
  /** The numbers, in full: names of the columns first. */
  readonly data: readonly (readonly (string | number | null)[])[];
}

/** The figure inside a page. */
export function inlineSvg(figure: Figure, width: number, className: string): Markup {
  const { height, body } = figure.draw(width);
  const id = `${figure.id}-${className}`;
  return markup`<svg class="${className}" viewBox="0 0 ${px(width)} ${px(height)}" width="${px(width)}" height="${px(height)}" role="img" aria-labelledby="${id}-title" aria-describedby="${id}-desc"><title id="${id}-title">${figure.title}</title><desc id="${id}-desc">${figure.caption}</desc>${body}</svg>`;
}

/** The figure as a file of its own. */
export function svgFile(figure: Figure, width = 760): string {
  const { height, body } = figure.draw(width);
  const size = `viewBox="0 0 ${px(width)} ${px(height)}" width="${px(width)}" height="${px(height)}"`;
  const page = markup`<svg xmlns="http://www.w3.org/2000/svg" ${raw(size)} role="img" aria-labelledby="title desc">
<title id="title">${figure.title}</title>
<desc id="desc">${figure.caption}</desc>
<style>${raw(`${paletteCss}${figureCss}`.replaceAll('>', '&gt;'))}</style>
<rect width="100%" height="100%" fill="var(--paper)"/>
${body}
</svg>
`;
  return page.markup;
}

/** CSV (RFC 4180); no number, no text. */
export const csvFile = ({ data }: Figure): string =>
  data.map((row) => `${row.map((cell) => quoted(String(cell ?? ''))).join(',')}\r\n`).join('');

const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
