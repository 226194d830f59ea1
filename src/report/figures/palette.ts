/**
 * How arms are told apart: a colour, a dash and a name at the end of the line.
 *
 * Five hues, far apart for everybody: the closest two differ by ΔE 29 in CIELAB with normal sight and under simulated
 * deuteranopia and protanopia (Machado et al. 2009, severity 1), and each stands out from its background by 3.4 : 1 or
 * more. Further arms take the hues again with another dash.
 */
import type { ArmKind } from '../../runs/study.ts';

export const schemes = {
  light: {
    paper: '#fcfcfa',
    ink: '#1d2024',
    soft: '#5b6068',
    rule: '#d9dadc',
    accent: '#0b5cad',
    hues: ['#0d74f2', '#703310', '#0a4745', '#d147a8', '#9c7d16'],
  },
  dark: {
    paper: '#16181c',
    ink: '#e7e8ea',
    soft: '#a2a7af',
    rule: '#363a41',
    accent: '#7db7ff',
    hues: ['#2a82f5', '#bd6430', '#70dbd8', '#d13aa2', '#daaa0b'],
  },
} as const;

/** `none`, or the lengths of strokes and gaps. */
const dashes = ['none', '6 3', '2 2.5', '9 3 2 3'];

export interface ArmStyle {
  /** Class of a hue, `h0` … `h4`; `hx` is the colour of text. */
  readonly hue: string;
  readonly dash: string;
  readonly width: number;
}

/** The full optimizer is a thick line in the colour of text, baselines thin ones; the rest take the hues in turn. */
export function armStyles(arms: readonly { readonly name: string; readonly kind: ArmKind }[]): Map<string, ArmStyle> {
  const counts = { full: 0, baseline: 0, other: 0 };
  return new Map(
    arms.map(({ name, kind }) => {
      if (kind === 'full') return [name, { hue: 'hx', dash: dashOf(counts.full++), width: 2.5 }];
      if (kind === 'baseline') return [name, { hue: 'hx', dash: dashOf(1 + counts.baseline++), width: 1.25 }];
      const i = counts.other++;
      const { length } = schemes.light.hues;
      return [name, { hue: `h${i % length}`, dash: dashOf(Math.floor(i / length)), width: 1.5 }];
    }),
  );
}

const dashOf = (i: number): string => dashes[i % dashes.length] as string;

const variables = ({ paper, ink, soft, rule, accent, hues }: (typeof schemes)['light' | 'dark']): string =>
  `--paper:${paper};--ink:${ink};--soft:${soft};--rule:${rule};--accent:${accent};--hx:${ink};` +
  hues.map((hue, i) => `--h${i}:${hue};`).join('');

/** The colours as CSS variables: light, and dark where the reader's system is. */
export const paletteCss =
  `:root{color-scheme:light dark;${variables(schemes.light)}}\n` +
  `@media (prefers-color-scheme:dark){:root{${variables(schemes.dark)}}}\n`;

/** What the shapes of figures look like; the page and the figures' own files share it. */
export const figureCss = `\
svg text{font:11px/1 ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;fill:var(--ink);font-variant-numeric:tabular-nums}
svg .soft{fill:var(--soft)}svg .strong{font-weight:600}svg .end{text-anchor:end}svg .mid{text-anchor:middle}
svg .halo{paint-order:stroke;stroke:var(--paper);stroke-width:5px;stroke-linejoin:round}
svg .grid{stroke:var(--rule);stroke-width:1;fill:none;shape-rendering:crispEdges}
svg .axis{stroke:var(--soft);stroke-width:1;fill:none;shape-rendering:crispEdges}
svg .zone{fill:var(--soft);opacity:.12}
svg .line{fill:none;stroke:currentColor;stroke-linejoin:round;stroke-linecap:round}
svg .band{fill:currentColor;opacity:.13;stroke:none}
svg .mark{fill:currentColor;stroke:currentColor;stroke-width:1.5}svg .hollow{fill:var(--paper);stroke:currentColor;stroke-width:1.5}
svg .lead{fill:none;stroke:currentColor;stroke-width:1}
.hx{color:var(--hx)}.h0{color:var(--h0)}.h1{color:var(--h1)}.h2{color:var(--h2)}.h3{color:var(--h3)}.h4{color:var(--h4)}
`;
