/** Progress on stderr: bars where it is a terminal, one plain line every ten seconds elsewhere. */
import { Presets, SingleBar } from 'cli-progress';
import { variable } from '../environment.ts';

export interface Progress {
  /** Done so far of the total, parts of one included, and what to say beside it. */
  update(done: number, note: string): void;
  /** A line of its own, kept. */
  say(line: string): void;
  end(): void;
}

const PLAIN_EVERY_MS = 10_000;

/** `unit` is what is counted, e.g. `step`. */
export function startProgress(title: string, total: number, unit: string): Progress {
  const animated = process.stderr.isTTY && !variable('CI') && variable('TERM') !== 'dumb';
  const eta = timeLeft(total);
  return animated ? bar(title, total, unit, eta) : plainLines(title, total, unit, eta);
}

/** The time left at the pace since the first call; `?` before there is one. */
function timeLeft(total: number): (done: number) => string {
  let first: { readonly done: number; readonly ms: number } | undefined;
  return (done) => {
    const ms = performance.now();
    first ??= { done, ms };
    return done > first.done ? seconds((((ms - first.ms) / (done - first.done)) * (total - done)) / 1000) : '?';
  };
}

function bar(title: string, total: number, unit: string, eta: (done: number) => string): Progress {
  const single = new SingleBar(
    {
      format: (_, { value, maxWidth }, { left, note }: { left: string; note: string }) =>
        barLine(
          title,
          { share: value / total, counts: `${Math.floor(value)}/${total} ${unit}s  ETA ${left}`, note },
          maxWidth,
        ),
      stream: process.stderr,
      hideCursor: true,
    },
    Presets.shades_classic,
  );
  single.start(total, 0, { left: '?', note: '' });
  return {
    update: (done, note) => single.update(done, { left: eta(done), note }),
    say(line) {
      process.stderr.write(`\r\u001b[K${line}\n`);
    },
    end: () => single.stop(),
  };
}

/** A line of at most `width`: counts and ETA always, as much of the title, the bar and the note as there is room for. */
export function barLine(
  title: string,
  { share, counts, note }: { readonly share: number; readonly counts: string; readonly note: string },
  width: number,
): string {
  const room = width - counts.length - 1;
  const name = title.length <= room ? title : `${title.slice(0, Math.max(0, room - 1))}…`;
  const size = Math.min(40, room - name.length - (note ? note.length + 2 : 0) - 1);
  const full = Math.round(Math.min(1, share) * size);
  const blocks = size < 5 ? '' : ` ${'█'.repeat(full)}${'░'.repeat(size - full)}`;
  return `${name}${blocks} ${counts}  ${note}`.trimEnd().slice(0, width);
}

function plainLines(title: string, total: number, unit: string, eta: (done: number) => string): Progress {
  let lastAt = performance.now();
  return {
    update(done, note) {
      const left = eta(done);
      if (performance.now() - lastAt < PLAIN_EVERY_MS) return;
      lastAt = performance.now();
      console.error(`${title} ${unit} ${Math.floor(done)}/${total}  ETA ${left}  ${note}`);
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
