/** Where `watch` shows what it sees: redrawn in place in a terminal, line by line elsewhere, or as JSON. */
import { variable } from '../environment.ts';
import type { Estimated, StudyView } from '../experiment/study/eta.ts';
import { watchFrame, watchLine, watchSummary } from '../report/watchText.ts';
import { toJson } from '../runs/metrics.ts';
import { seconds } from './progress.ts';

export interface Watcher {
  readonly show: (view: StudyView) => void;
  /** Leaves the terminal as it was found. */
  readonly end: () => void;
}

export function watcher(name: string, { once, json }: { readonly once: boolean; readonly json: boolean }): Watcher {
  if (once) return { show: (view) => console.log(json ? document(name, view) : wholeTable(name, view)), end };
  if (json) return lines((run) => toJson({ schema: 1, at: new Date().toISOString(), study: name, ...run }), everything);
  const animated = process.stdout.isTTY && !variable('CI') && variable('TERM') !== 'dumb';
  return animated ? screen(name) : log(name);
}

const end = () => undefined;
const document = (study: string, view: StudyView) => toJson({ schema: 1, study, ...view }, 2);
const wholeTable = (name: string, view: StudyView) => watchFrame(name, view, { duration: seconds }).join('\n');

/** Runs that are as they were before, by what `of` makes of them, are not told again; nor one that is queued at first. */
function lines(text: (run: Estimated) => string, of: (run: Estimated) => string): Watcher {
  const told = new Map<string, string>();
  const show = ({ runs }: StudyView) => {
    for (const run of runs) {
      if (told.get(run.path) === of(run)) continue;
      if (told.has(run.path) || run.state !== 'queued') console.log(text(run));
      told.set(run.path, of(run));
    }
  };
  return { show, end };
}

const everything = ({ remaining: _, ...run }: Estimated) => JSON.stringify(run);

/** A line where a run's state changes or it was evaluated, and the study's where that of any run changed. */
function log(name: string): Watcher {
  const runs = lines(
    (run) => `${time()}  ${watchLine(run, seconds)}`,
    ({ state, top1 }) => `${state} ${top1}`,
  );
  let states = '';
  const show = (view: StudyView) => {
    runs.show(view);
    const now = view.runs.map(({ state }) => state).join();
    if (now !== states) console.log(`${time()}  ${watchSummary(name, view, seconds)}`);
    states = now;
  };
  return { show, end };
}

const time = () => new Date().toISOString().slice(11, 19);

/** The last frame stays when it ends. */
function screen(name: string): Watcher {
  const { stdout } = process;
  let drawn = 0;
  const cleared = () => {
    stdout.write('\u001b[2J\u001b[H'); // lines of another width may have wrapped
    drawn = 0;
  };
  stdout.write('\u001b[?25l');
  stdout.on('resize', cleared);
  return {
    show(view) {
      const size = { width: (stdout.columns || 80) - 1, height: (stdout.rows || 24) - 1 };
      const frame = watchFrame(name, view, { duration: seconds, ...size });
      const up = drawn > 0 ? `\u001b[${drawn}A` : '';
      stdout.write(`${up}\r${frame.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`);
      drawn = frame.length;
    },
    end() {
      stdout.off('resize', cleared);
      stdout.write('\u001b[?25h');
    },
  };
}
