/** Runs beside each other for a terminal. */
import type { Configuration, RunComparison } from '../experiment/compare/compareRuns.ts';
import { confidenceText, inPoints } from '../experiment/study/protocol.ts';
import { toJson } from '../runs/metrics.ts';
import { columns } from './columns.ts';
import { decimals, intervalText, missing, percent, points, probability, spreadText, threeFigures } from './numbers.ts';

/** More configurations than this stand below each other, not side by side. */
const SIDE_BY_SIDE = 6;

export const comparisonText = (comparison: RunComparison): string =>
  [differencesText(comparison), configurationsText(comparison), ...notes(comparison)].filter(Boolean).join('\n\n');

function differencesText({ differing, configurations }: RunComparison): string {
  const names = configurations.map(({ name }) => name);
  if (differing.length === 0)
    return names.length > 1 ? '' : `one configuration, ${names[0]}: nothing differs but the seed`;
  if (names.length <= SIDE_BY_SIDE) {
    return columns([['differs', ...names], ...differing.map(({ key, values }) => [key, ...switches(values)])]);
  }
  const rows = names
    .slice(1)
    .flatMap((name, i) =>
      differing
        .filter(({ values }) => JSON.stringify(values[i + 1]) !== JSON.stringify(values[0]))
        .map(({ key, values }, n) => [n === 0 ? name : '', key, ...switches([values[0], values[i + 1]])]),
    );
  return columns([['differs', 'key', names[0]!, 'here'], ...rows]);
}

/** Values of one key; where all that are maps are the same, what is in them makes no difference: `on`. */
function switches(values: readonly unknown[]): string[] {
  const isMap = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  const isSame = new Set(values.filter(isMap).map((value) => JSON.stringify(value))).size === 1;
  return values.map((value) => (isSame && isMap(value) ? 'on' : shown(value)));
}

/** A value of a config on one line: `false`, `0.001`, `{clip: 0.01}`. */
export function shown(value: unknown): string {
  if (value === undefined) return missing;
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return toJson(value);
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  return `{${Object.entries(value)
    .map(([key, inner]) => `${key}: ${shown(inner)}`)
    .join(', ')}}`;
}

function configurationsText({ configurations, alpha }: RunComparison): string {
  const [reference] = configurations;
  const compared = configurations.length > 1;
  const head = ['configuration', 'n', 'top-1 %', 'loss', 'train s'];
  const more = [`Δ top-1 [${confidenceText(alpha)} t]`, 'seeds', 'p (Holm)', 'verdict'];
  const rows = configurations.map((one) => [
    one.name,
    one.failed > 0 ? `${one.completed} (${one.failed} failed)` : String(one.completed),
    spreadText(one.top1, percent),
    spreadText(one.loss, (x) => decimals(x, 4)),
    spreadText(one.trainSeconds, threeFigures),
    ...(compared ? comparisonCells(one, reference!) : []),
  ]);
  return columns([compared ? [...head, ...more] : head, ...rows], [1]);
}

function comparisonCells({ comparison }: Configuration, reference: Configuration): string[] {
  if (comparison === null) return [reference.runs.length > 0 ? 'reference' : missing, '', '', ''];
  const { mean, interval, seeds, pHolm, verdict, refused } = comparison;
  if (refused !== null) return [missing, '', '', `none: ${refused}`];
  return [
    mean === null ? missing : `${points(mean)}${intervalText(interval, points)}`,
    seeds.join(','),
    probability(pHolm),
    verdict.text,
  ];
}

function notes({ configurations, alpha, delta }: RunComparison): string[] {
  if (configurations.every(({ comparison }) => comparison === null || comparison.refused !== null)) return [];
  return [
    `Δ: paired by seed against ${configurations[0]!.name}, in points. α = ${alpha} and δ = ${inPoints(delta)} points were not declared ` +
      `before these runs: a study (\`ranger21 ablate\`) is for that.`,
  ];
}
