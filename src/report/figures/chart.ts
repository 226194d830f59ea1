/** The parts every figure with axes is put together from. */
import { markup, px, type Markup } from '../markup.ts';
import type { Scale } from './scale.ts';

/** Edges of the area that data are drawn in. */
export interface Area {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Where an arm's row of a figure lies: its height, the ends of its axis, and the whole width, narrow on a phone. */
export interface RowPlace {
  readonly y: number;
  readonly left: number;
  readonly right: number;
  readonly width: number;
  readonly narrow: boolean;
}

export type Point = readonly [x: number, y: number];

/** Horizontal rules, ticks of both axes, and what is measured: y above its axis, x below at the right. */
export function axes(area: Area, x: Scale, y: Scale, names: { readonly x: string; readonly y: string }): Markup {
  return markup`${y.ticks.map(
    (tick) =>
      markup`<path class="grid" d="M${px(area.left)} ${px(y(tick))}H${px(area.right)}"/><text class="soft end" x="${px(area.left - 6)}" y="${px(y(tick) + 4)}">${y.label(tick)}</text>`,
  )}<text class="soft" x="0" y="10">${names.y}</text>${xAxis(area, x, names.x)}`;
}

export function xAxis({ left, right, bottom }: Area, x: Scale, name: string): Markup {
  return markup`<path class="axis" d="M${px(left)} ${px(bottom)}H${px(right)}"/>${x.ticks.map(
    (tick) =>
      markup`<path class="axis" d="M${px(x(tick))} ${px(bottom)}v4"/><text class="soft mid" x="${px(x(tick))}" y="${px(bottom + 16)}">${x.label(tick)}</text>`,
  )}<text class="soft end" x="${px(right)}" y="${px(bottom + 31)}">${name}</text>`;
}

/** A line through the points; where one has no finite place the line is broken. */
export function linePath(points: readonly Point[]): string {
  let pen = 'M';
  return points
    .map(([x, y]) => {
      if (!Number.isFinite(x + y)) {
        pen = 'M';
        return '';
      }
      const piece = `${pen}${px(x)} ${px(y)}`;
      pen = 'L';
      return piece;
    })
    .join('');
}

/** The area between two lines over the same x; broken where either is. */
export function bandPath(
  points: readonly { readonly x: number; readonly low: number; readonly high: number }[],
): string {
  const pieces: Point[][] = [[]];
  const lows: Point[][] = [[]];
  for (const { x, low, high } of points) {
    if (Number.isFinite(low + high)) {
      pieces.at(-1)?.push([x, high]);
      lows.at(-1)?.push([x, low]);
    } else if (pieces.at(-1)?.length) {
      pieces.push([]);
      lows.push([]);
    }
  }
  return pieces
    .map((upper, i) =>
      upper.length > 1 ? `${linePath(upper)}${linePath([...(lows[i] ?? [])].reverse()).replace('M', 'L')}Z` : '',
    )
    .join('');
}

/** Positions for labels that want to stand at `wanted`: in the same order, `gap` apart, and within the limits. */
export function spreadOut(wanted: readonly number[], gap: number, [low, high]: readonly [number, number]): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  const room = Math.min(gap, (high - low) / Math.max(1, wanted.length - 1));
  const placed: number[] = [];
  order.forEach((i, rank) => {
    placed[i] = Math.max(wanted[i] ?? 0, rank === 0 ? low : (placed[order[rank - 1] ?? 0] ?? 0) + room);
  });
  order.toReversed().forEach((i, rank) => {
    const limit = rank === 0 ? high : (placed[order[order.length - rank] ?? 0] ?? 0) - room;
    placed[i] = Math.min(placed[i] ?? 0, limit);
  });
  return placed;
}

/** Room for a text at 11 px: 6.8 px a character, what the widest of the fonts we name takes. */
export const textWidth = (text: string): number => 6.8 * [...text].length;

/** Names longer than `length` end in an ellipsis. */
export const shortened = (name: string, length: number): string =>
  [...name].length > length ? `${[...name].slice(0, length - 1).join('')}…` : name;
