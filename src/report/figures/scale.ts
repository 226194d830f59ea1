/** Numbers to positions, with ticks at round numbers. */

export interface Scale {
  (x: number): number;
  readonly ticks: readonly number[];
  /** A tick as text, with as many decimals as the ticks need. */
  readonly label: (tick: number) => string;
}

type Pair = readonly [number, number];

/** The largest of 1, 2, 5 · 10ⁿ that gives at least about `count` steps over `span`. */
export function niceStep(span: number, count: number): number {
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const leading = rough / power;
  return power * (leading < Math.SQRT2 ? 1 : leading < Math.sqrt(10) ? 2 : leading < Math.sqrt(50) ? 5 : 10);
}

/** Domain onto range; an empty domain is widened. Outside the domain it goes on straight. */
export function linearScale(domain: Pair, [start, end]: Pair, count = 5): Scale {
  const [low, high] = widened(domain);
  const step = niceStep(high - low, count);
  const ticks = multiples(step, low, high);
  const decimals = Math.min(12, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  const label = (tick: number) => grouped(tick.toFixed(decimals));
  return Object.assign((x: number) => start + ((x - low) / (high - low)) * (end - start), { ticks, label });
}

/** Logarithmic, for positive domains: ticks at 1, 2, 5 · 10ⁿ below two decades, at powers of ten above. */
export function logScale(domain: Pair, [start, end]: Pair, count = 6): Scale {
  const [low, high] = widened(domain.map(Math.log10) as unknown as Pair);
  const every = Math.max(1, Math.ceil((high - low) / count));
  const leading = high - low < 2 ? [1, 2, 5] : [1];
  const ticks: number[] = [];
  for (let power = Math.floor(low); power <= high; power += every) {
    for (const digit of leading) {
      const tick = digit * 10 ** power;
      if (Math.log10(tick) >= low - 1e-9 && Math.log10(tick) <= high + 1e-9) ticks.push(tick);
    }
  }
  return Object.assign((x: number) => start + ((Math.log10(x) - low) / (high - low)) * (end - start), {
    ticks: ticks.length > 1 ? ticks : multiples(niceStep(10 ** high - 10 ** low, 4), 10 ** low, 10 ** high),
    label: shortNumber,
  });
}

/** Percentages by the logarithm of what is missing to 100; nothing counts as less than 0.05 % missing. */
export function errorScale([low, high]: Pair, [start, end]: Pair): Scale {
  const missing = (x: number) => Math.log10(Math.max(0.05, 100 - x));
  const [most, least] = [missing(low), Math.min(missing(high), missing(low) - 0.05)];
  const place = (x: number) => start + ((most - missing(x)) / (most - least)) * (end - start);
  const candidates = [0, 20, 40, 60, 70, 80, 85, 90, 92, 94, 95, 96, 97, 98, 98.5, 99, 99.5, 99.8, 99.9];
  const ticks: number[] = [];
  for (const tick of candidates.filter((x) => x >= low - 1e-9 && x <= high + 1e-9)) {
    const previous = ticks.at(-1);
    if (previous === undefined || Math.abs(place(tick) - place(previous)) >= 24) ticks.push(tick);
  }
  if (ticks.length < 3) return linearScale([low, high], [start, end]);
  return Object.assign(place, { ticks, label: (tick: number) => String(tick) });
}

/** The domain out to the next ticks. */
export function rounded([low, high]: Pair, count = 5): Pair {
  const [from, to] = widened([low, high]);
  const step = niceStep(to - from, count);
  return [Math.floor(from / step + 1e-9) * step, Math.ceil(to / step - 1e-9) * step];
}

/** `0.0002`, `3e-7`, `12,000`, `1.2 M`. */
export function shortNumber(x: number): string {
  const size = Math.abs(x);
  if (size >= 1e6) return `${Number((x / 1e6).toPrecision(3))} M`;
  if (size !== 0 && size < 1e-4) return x.toExponential().replace('-', '−').replace('e−', 'e−');
  return grouped(String(Number(x.toPrecision(6))));
}

function multiples(step: number, low: number, high: number): number[] {
  const [first, last] = [Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9)];
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step + 0);
}

function widened([low, high]: Pair): Pair {
  if (low < high) return [low, high];
  const margin = Math.abs(low) * 0.1 || 1;
  return [low - margin, low + margin];
}

/** `−12,000.5`: a minus that is one, and thousands apart. */
function grouped(text: string): string {
  const [whole = '', fraction] = text.replace('-', '−').split('.');
  const apart = whole.replace(/(\d)(?=(\d{3})+$)/g, '$1,');
  return fraction === undefined ? apart : `${apart}.${fraction}`;
}
