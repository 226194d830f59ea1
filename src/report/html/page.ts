/** The report of a study: one page that needs nothing but itself. */
import { createHash } from 'node:crypto';
import type { StudyTable } from '../../experiment/table/table.ts';
import type { StudyPlan } from '../../runs/study.ts';
import { inlineSvg, type Figure } from '../figures/figure.ts';
import type { ArmStyle } from '../figures/palette.ts';
import { markup, raw, type Markup } from '../markup.ts';
import { studyFacts } from './facts.ts';
import { failureList } from './failures.ts';
import { detailTable, resultTable } from './resultTable.ts';
import { screeningTable } from './screening.ts';
import { pageScript } from './script.ts';
import { pageCss } from './style.ts';
import { tableFooter } from './tableFooter.ts';
import { verdictList } from './verdicts.ts';

export interface ReportPage {
  readonly plan: StudyPlan;
  readonly table: StudyTable;
  readonly styles: ReadonlyMap<string, ArmStyle>;
  /** By section, each shown where its section stands; a section without figures is left out. */
  readonly figures: Readonly<
    Record<'differences' | 'curves' | 'activity' | 'target' | 'cost' | 'tuning', readonly Figure[]>
  >;
}

const withoutSteps = markup`<p class="note">The logs of the single steps are not in the study’s folder: training loss, learning rate and the activity over the steps are left out.</p>
`;

interface Section {
  readonly id: string;
  readonly nav: string;
  /** Its heading, where it says more than the entry of the navigation. */
  readonly title?: string;
  /** false: there is nothing to show. */
  readonly content: Markup | false;
}

/** Widths that figures are drawn at: for a desk, and for a phone of 390 px. */
const [wide, narrow] = [920, 358];

/** Nothing is loaded, sent or framed, and only the script and the style that are in the page count. */
const policy = `default-src 'none'; script-src 'sha256-${digest(pageScript)}'; style-src 'sha256-${digest(pageCss)}'; base-uri 'none'; form-action 'none'`;

export function reportPage({ plan, table, styles, figures }: ReportPage): string {
  const { curves } = figures;
  const sections: readonly Section[] = [
    { id: 'verdicts', nav: 'What it shows', content: verdictList(table.rows) },
    { id: 'results', nav: 'Results', content: markup`${resultTable(table)}${tableFooter(table)}${detailTable(table)}` },
    { id: 'screening', nav: 'Screening', content: table.screening.length > 0 && screeningTable(table) },
    figureSection('differences', 'Differences', figures.differences),
    {
      id: 'curves',
      nav: 'Curves',
      content:
        curves.length > 0 &&
        markup`${armKey(plan, styles)}${!curves.some(({ id }) => id === 'training-loss') && withoutSteps}${curves.map((figure) => figureBlock(figure, true))}`,
    },
    figureSection('target', 'Time to target', figures.target),
    figureSection('activity', 'Activity', figures.activity),
    figureSection('cost', 'Cost', figures.cost),
    figureSection('tuning', 'Tuning', figures.tuning),
    {
      id: 'failures',
      nav: 'Failures',
      title: 'Runs that did not complete',
      content: failureList(table.rows.filter(({ sameAs }) => sameAs === undefined)),
    },
    { id: 'study', nav: 'Study', content: studyFacts(plan, table) },
  ];
  const there = sections.filter(({ content }) => content !== false);
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="referrer" content="no-referrer">
<title>${plan.study}: report of a study</title>
<style>${raw(pageCss)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the results</a>
<header>
<h1>${plan.study}</h1>
<p class="lead">${summary(plan, table)}</p>
${powerless(table)}
</header>
<nav aria-label="Sections"><ul>${there.map(({ id, nav }) => markup`<li><a href="#${id}">${nav}</a></li>`)}</ul></nav>
<main id="main">
${table.banners.map((text) => markup`<p class="banner">${text}</p>`)}
${there.map(
  ({
    id,
    nav,
    title = nav,
    content,
  }) => markup`<section id="${id}" aria-labelledby="${id}-h"><h2 id="${id}-h">${title}</h2>
${content}
</section>
`,
)}</main>
<script>${raw(pageScript)}</script>
</body>
</html>
`.markup;
}

/** What was shown, in two sentences. */
function summary({ arms, seeds }: StudyPlan, { rows }: StudyTable): Markup {
  const compared = rows.flatMap(({ arm, kind, comparison }) =>
    comparison && kind !== 'control' ? [{ arm, word: comparison.verdict.word }] : [],
  );
  const found = (['hurts', 'helps'] as const).flatMap((word) => {
    const own = compared.filter((each) => each.word === word);
    return own.length === 0
      ? []
      : [markup`<strong>${word}</strong>: ${own.map(({ arm }, i) => markup`${i > 0 && ', '}<code>${arm}</code>`)}`];
  });
  const rest = compared.filter(({ word }) => word !== 'helps' && word !== 'hurts').length;
  const size = `${arms.length} arms, ${seeds.length} ${seeds.length === 1 ? 'seed' : 'seeds'} each.`;
  if (found.length === 0) return markup`${size} No arm was shown to differ from its reference.`;
  return markup`${size} Against their references, ${found.map((each, i) => markup`${i > 0 && '; '}${each}`)}. ${rest > 0 && `Nothing was shown for the other ${rest}.`}`;
}

/** Where the seeds are too few for any verdict, before the reader takes that for a finding. */
const powerless = ({ caption }: StudyTable): Markup | false =>
  caption.powerless.length > 0 &&
  markup`<ul class="soft">${caption.powerless.map((line) => markup`<li>${line}</li>`)}</ul>`;

/** A figure that is a section of its own, under its own title. */
const figureSection = (id: string, nav: string, [figure]: readonly Figure[]): Section => ({
  id,
  nav,
  ...(figure && { title: figure.title }),
  content: figure !== undefined && figureBlock(figure, false),
});

const figureBlock = (
  figure: Figure,
  titled: boolean,
): Markup => markup`<figure>${titled && markup`<h3>${figure.title}</h3>`}
${inlineSvg(figure, wide, 'wide')}
${inlineSvg(figure, narrow, 'narrow')}
<figcaption>${figure.caption} <span class="files"><a href="figures/${figure.id}.svg">SVG</a>, <a href="figures/${figure.id}.csv">CSV</a></span></figcaption></figure>
`;

/** Buttons that show and hide an arm's lines; the script unhides them. */
function armKey({ arms, reference }: StudyPlan, styles: ReadonlyMap<string, ArmStyle>): Markup {
  const all = arms.map((_, i) => i).join(' ');
  const anchors = arms.flatMap(({ name, kind }, i) => (name === reference || kind === 'baseline' ? [i] : [])).join(' ');
  return markup`<div class="key" role="group" aria-label="Arms shown in the curves" hidden><button type="button" data-arms="${all}">all</button><button type="button" data-arms="${anchors}">reference and baselines</button>${arms.map(
    ({ name }, i) => {
      const { hue, dash, width } = styles.get(name) as ArmStyle;
      return markup`<button type="button" data-arm="${i}" aria-pressed="true"><svg class="${hue}" viewBox="0 0 22 10" aria-hidden="true"><path class="line" stroke-width="${width}" stroke-dasharray="${dash}" d="M0 5H22"/></svg>${name}</button>`;
    },
  )}</div>
`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
