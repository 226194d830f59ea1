/** Numbers as a reader wants them. Missing is an en dash, minus is a minus. */

export const missing = '–';

/** `97.21` of a share 0 … 1. */
export const percent = (share: number): string => signless(100 * share, 2);

/** `97.21 ± 0.33`, or `97.21` of a single run. */
export const spreadText = (
  spread: { readonly mean: number; readonly sd: number | null } | null,
  text: (x: number) => string,
): string => {
  if (!spread) return missing;
  return spread.sd === null ? text(spread.mean) : `${text(spread.mean)} ± ${text(spread.sd)}`;
};

/** Points of a share with their sign: `+0.31`, `−0.31`, `0.00`. */
export function points(share: number): string {
  const text = Math.abs(100 * share).toFixed(2);
  if (Number(text) === 0) return text;
  return `${share < 0 ? '−' : '+'}${text}`;
}

/** `[−0.42, −0.20]`, or nothing. */
export const intervalText = (
  interval: readonly [number, number] | null | undefined,
  text: (x: number) => string,
): string => (interval ? ` [${interval.map(text).join(', ')}]` : '');

export const decimals = (x: number | null | undefined, digits: number): string =>
  x === null || x === undefined ? missing : signless(x, digits);

/** `12.3`, `104`, `0.0123`: three figures. */
export const threeFigures = (x: number | null | undefined): string => {
  if (x === null || x === undefined) return missing;
  return Number.isFinite(x) ? String(Number(x.toPrecision(3))) : infinite(x);
};

/** Steps: `720`, `41.2k`, `∞`. */
export const compact = (x: number): string => {
  if (!Number.isFinite(x)) return infinite(x);
  return x < 10_000 ? String(Math.round(x)) : `${Number((x / 1000).toPrecision(3))}k`;
};

/** `0.020`, `0.0021`, `<0.0001`: a probability to two figures, at least three decimals. */
export const probability = (p: number | null): string => {
  if (p === null) return missing;
  if (p < 1e-4) return '<0.0001';
  return p < 0.01 ? String(Number(p.toPrecision(2))) : p.toFixed(3);
};

const infinite = (x: number): string => (Number.isNaN(x) ? 'NaN' : x < 0 ? '−∞' : '∞');

const signless = (x: number, digits: number): string =>
  Number.isFinite(x) ? x.toFixed(digits).replace('-', '−') : infinite(x);
