/** What each component's meters read over the steps: one strip a meter, each on a scale of its own. */
import { familyOf } from '../../experiment/study/protocol.ts';
import type { Arm } from '../../runs/study.ts';
import type { ArmCurves, SeedRange } from '../curves.ts';
import { markup, px, type Markup } from '../markup.ts';
import { bandPath, linePath, xAxis, type Area } from './chart.ts';
import type { Drawing, Figure } from './figure.ts';
import { linearScale, shortNumber, type Scale } from './scale.ts';

interface Strip {
  readonly component: string;
  readonly meter: string;
  /** In the reference. */
  readonly within: readonly SeedRange[];
  /** The arm that adds the component alone, and the meter there. */
  readonly aloneIn: string | undefined;
  readonly alone: readonly SeedRange[];
  readonly idle: boolean;
}

export function activityFigure(
  arms: readonly Arm[],
  reference: string,
  curves: readonly ArmCurves[],
  inactive: readonly string[],
): Figure {
  const metersOf = (arm: string | undefined) => curves.find((own) => own.arm === arm)?.meters ?? {};
  const within = metersOf(reference);
  const addsOnly = (component: string) =>
    arms.find((arm) => familyOf(arm) === 'add one in' && arm.components.join() === component)?.name;
  const strips = Object.keys(within).map((name): Strip => {
    const [component = '', meter = ''] = name.split('/');
    const aloneIn = addsOnly(component);
    const alone = metersOf(aloneIn)[name] ?? [];
    return { component, meter, within: within[name] ?? [], aloneIn, alone, idle: inactive.includes(component) };
  });
  const dashed = strips.some(({ alone }) => alone.length > 0);
  return {
    id: 'activity',
    title: `Activity of the components in ${reference}`,
    caption:
      `Each component’s meters over the steps, on a scale from 0 or the lowest to the highest reading, which stand at the right; ` +
      `line: mean over seeds, band: lowest to highest seed${dashed ? '; dashed: in the arm that adds the component alone' : ''}. ` +
      `A component whose meter stays at 0 did nothing, and leaving it out shows nothing.`,
    draw: (width) => draw(strips, width),
    data: [
      ['arm', 'component', 'meter', 'step', 'mean', 'lowest_seed', 'highest_seed', 'seeds'],
      ...strips.flatMap(({ component, meter, within: inside, alone, aloneIn }) => [
        ...rows(reference, component, meter, inside),
        ...rows(aloneIn ?? '', component, meter, alone),
      ]),
    ],
  };
}

const rows = (arm: string, component: string, meter: string, points: readonly SeedRange[]): Figure['data'] =>
  points.map(({ step, mean, low, high, seeds }) => [arm, component, meter, step, mean, low, high, seeds]);

function draw(strips: readonly Strip[], width: number): Drawing {
  const narrow = width < 500;
  const [rowHeight, strip, head] = narrow ? [52, 26, 16] : [34, 26, 0];
  const [left, right] = narrow ? [0, width - 4] : [180, width - 120];
  const last = Math.max(1, ...strips.flatMap(({ within }) => within.map(({ step }) => step)));
  const x = linearScale([0, last], [left, right], narrow ? 3 : 6);
  const bottom = strips.length * rowHeight + 4;
  return {
    height: bottom + 38,
    body: markup`${strips.map((own, i) => {
      const top = i * rowHeight + head + 4;
      const area = { left, right, top, bottom: top + strip };
      const label = markup`<tspan class="strong">${own.component}</tspan> ${own.meter}${own.idle && ' · inactive'}`;
      return markup`<text x="0" y="${px(narrow ? top - 5 : top + strip / 2 + 4)}">${label}</text>${stripMarks(own, area, x)}<text class="soft ${narrow && 'end'}" x="${px(narrow ? right : right + 10)}" y="${px(narrow ? top - 5 : top + strip / 2 + 4)}">${ends(own)}</text>`;
    })}${xAxis({ left, right, top: 0, bottom }, x, 'step')}`,
  };
}

/** Lowest and highest reading that a strip makes room for. */
function limits({ within, alone }: Strip): readonly [number, number] {
  const values = [...within, ...alone].flatMap(({ low, high }) => [low, high]);
  const [lowest, most] = [
    values.reduce((a, b) => Math.min(a, b), Infinity),
    values.reduce((a, b) => Math.max(a, b), -Infinity),
  ];
  return [lowest > most / 2 ? lowest : Math.min(0, lowest), most]; // around 1, a scale from 0 would show a straight line
}

function stripMarks(own: Strip, area: Area, x: Scale): Markup {
  const { within, alone } = own;
  const y = linearScale(limits(own), [area.bottom - 1, area.top + 1]);
  const edges = within.map(({ step, low, high }) => ({ x: x(step), low: y(low), high: y(high) }));
  const path = (points: readonly SeedRange[]) => linePath(points.map(({ step, mean }) => [x(step), y(mean)]));
  return markup`<g class="h0"><path class="grid" d="M${px(area.left)} ${px(area.bottom)}H${px(area.right)}"/><path class="band" d="${bandPath(edges)}"/><path class="line" stroke-width="1.5" d="${path(within)}"/>${alone.length > 0 && markup`<path class="line hx" stroke-width="1.25" stroke-dasharray="4 3" d="${path(alone)}"/>`}</g>`;
}

function ends(own: Strip): string {
  const [from, to] = limits(own).map((x) => shortNumber(Number(x.toPrecision(3)))) as [string, string];
  return from === to ? to : `${from} – ${to}`;
}
