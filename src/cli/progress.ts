/** Progress on stderr: bars where it is a terminal, one plain line every ten seconds elsewhere. */
import { Presets, SingleBar } from 'cli-progress';
import { variable } from '../environment.ts';

export interface Progress {
  /** Done so far of the total, and what to say beside it. */
  update(done: number, note: string): void;
  /** A line of its own, kept. */
  say(line: string): void;
  end(): void;
}

const PLAIN_EVERY_MS = 10_000;

/** `unit` is what is counted, e.g. `step`. */
export function startProgress(title: string, total: number, unit: string): Progress {
  const animated = process.stderr.isTTY && !variable('CI') && variable('TERM') !== 'dumb';
  return animated ? bar(title, total, unit) : plainLines(title, total, unit);
}

function bar(title: string, total: number, unit: string): Progress {
  const single = new SingleBar(
    {
      format: `${title} {bar} {value}/{total} ${unit}s  ETA {eta_formatted}  {note}`,
      stream: process.stderr,
      hideCursor: true,
      etaBuffer: 50,
    },
    Presets.shades_classic,
  );
  single.start(total, 0, { note: '' });
  return {
    update: (done, note) => single.update(done, { note }),
    say(line) {
      process.stderr.write(`\r\u001b[K${line}\n`);
    },
    end: () => single.stop(),
  };
}

function plainLines(title: string, total: number, unit: string): Progress {
  const startedAt = Date.now();
  let lastAt = startedAt;
  const print = (done: number, note: string) => {
    const remaining = done > 0 ? (((Date.now() - startedAt) / done) * (total - done)) / 1000 : NaN;
    console.error(`${title} ${unit} ${done}/${total}  ETA ${seconds(remaining)}  ${note}`);
  };
  return {
    update(done, note) {
      if (Date.now() - lastAt < PLAIN_EVERY_MS) return;
      lastAt = Date.now();
      print(done, note);
    },
    say: (line) => console.error(line),
    end: () => undefined,
  };
}

/** 75 → "1m15s". */
export function seconds(value: number): string {
  if (!Number.isFinite(value)) return '?';
  const whole = Math.round(value);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, '0')}s`;
  if (whole >= 48 * 3600) return `${Math.round(whole / 86_400)} days`;
  return `${Math.floor(whole / 3600)}h${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')}m`;
}
