/** What is read back from a folder of runs: logs, results, plans, environments, leases; and what is printed from them. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tableOf } from '../../src/cli/tableOf.ts';
import { experimentSchema } from '../../src/config/schema.ts';
import { resolvedYaml } from '../../src/config/resolved.ts';
import { arms } from '../../src/experiment/study/ablation.ts';
import { makePlan } from '../../src/experiment/study/plan.ts';
import { runText } from '../../src/report/runText.ts';
import { runsText } from '../../src/report/runsText.ts';
import { lastAttempt } from '../../src/runs/attempts.ts';
import { findRun, findStudy } from '../../src/runs/find.ts';
import { attemptFiles, olderFiles, runFiles, studyFiles } from '../../src/runs/layout.ts';
import { listRuns } from '../../src/runs/list.ts';
import { fromJson, parseLines, toJson, toLine, type LinesHeader } from '../../src/runs/metrics.ts';
import { readLogs } from '../../src/runs/read.ts';
import { checkedResult } from '../../src/runs/result.ts';
import { readPlan } from '../../src/runs/study.ts';
import { sampleEnv, sampleExperiment, sampleResult } from '../runs/sample.ts';
import { bad, truncations, type Damaged } from './bytes.ts';
import { feed, fuzz, scratch } from './harness.ts';
import { damagedJson, hostileText } from './json.ts';

const stepRow = (step: number) => ({
  step,
  epoch: step / 20,
  lr: 1e-3,
  loss: step === 2 ? NaN : 2.25,
  trainTop1: 0.5,
  gradNorm: 3,
  paramNorm: 10,
  updateNorm: 0.01,
  ...(step === 1 && { meters: { 'agc/clippedShare': 0.25 } }),
});
const rows = {
  steps: [1, 2, 3].map(stepRow),
  timing: [1, 2, 3].map((step) => ({ step, ms: 50, imagesPerSecond: 1280, dataWaitMs: 0.5 })),
  evaluations: [20, 40].map((step) => ({ step, epoch: step / 20, loss: 0.5, top1: 0.9, top5: 1 })),
} satisfies Record<LinesHeader['kind'], object[]>;
const kinds = Object.keys(rows) as LinesHeader['kind'][];
const linesOf = (kind: LinesHeader['kind']) =>
  [{ schema: 1, kind }, ...rows[kind]].map((value) => toLine(value)).join('');

describe('JSON lines', () => {
  const numbers: Record<LinesHeader['kind'], readonly string[]> = {
    steps: ['epoch', 'lr', 'loss', 'trainTop1', 'gradNorm', 'paramNorm', 'updateNorm'],
    timing: ['ms', 'imagesPerSecond', 'dataWaitMs'],
    evaluations: ['epoch', 'loss', 'top1'],
  };
  const one = (kind: LinesHeader['kind'], text: string) =>
    feed(
      `JSON lines: ${kind}`,
      () => parseLines(text, kind, 'x'),
      ({ rows: found, torn }) => {
        const lines = text.split('\n');
        expect(torn).toBe(lines.pop() !== '');
        if (lines.length === 0) return 'no whole line yet';
        expect(JSON.parse(lines[0]!)).toMatchObject({ schema: 1, kind });
        expect(found.length).toBe(lines.length - 1);
        let last = 0;
        for (const [i, row] of (found as readonly { readonly step: number }[]).entries()) {
          expect(row).toEqual(fromJson(lines[i + 1]!));
          expect(Number.isSafeInteger(row.step) && row.step > last).toBe(true);
          last = row.step;
          for (const name of numbers[kind]) expect(typeof (row as Record<string, unknown>)[name], name).toBe('number');
        }
        return torn ? 'whole lines in order; the last was cut off' : 'whole lines in order, every column a number';
      },
    );

  test.each(kinds)('%s', async (kind) => {
    const sound = Buffer.from(linesOf(kind));
    expect(parseLines(sound.toString(), kind, 'x').rows).toHaveLength(rows[kind].length);
    for (const { bytes } of truncations(sound)) expect(await one(kind, bytes.toString())).toBe('accepted'); // what a kill leaves
    const others = kinds.map((other) => Buffer.from(linesOf(other)));
    await fuzz(bad(sound, others), ({ bytes }) => one(kind, bytes.toString()));
    const values = [{ schema: 1, kind }, ...rows[kind]].map((value) => fromJson(toJson(value)));
    const line = fc.nat(values.length - 1).chain((n) => damagedJson(values[n]).map((text) => ({ n, text })));
    await fuzz(line, ({ n, text }) =>
      one(kind, values.map((value, i) => (i === n ? text : toJson(value))).join('\n') + '\n'),
    );
  });
});

const result = sampleResult({ study: 'demo', arm: 'ranger21' });

describe('result.json', () => {
  const text = toJson(result, 2);
  const one = (bytes: string) =>
    feed(
      'result.json',
      () => {
        writeFileSync(join(scratch, 'result.json'), bytes);
        return checkedResult(fromJsonOr(bytes), 'result.json');
      },
      (found) => {
        expect(Number.isSafeInteger(found.seed) && found.seed >= 0).toBe(true);
        expect(Object.values(found.activity).every((x) => typeof x === 'number')).toBe(true);
        return 'every key has its type';
      },
    );
  test('damage', async () => {
    await fuzz(bad(Buffer.from(text)), ({ bytes }) => one(bytes.toString()));
    await fuzz(damagedJson(JSON.parse(toJson(result))), one);
  });
});

/** Undefined for what is no JSON, which the reader of files refuses by itself. */
function fromJsonOr(text: string): unknown {
  try {
    return fromJson(text);
  } catch {
    return undefined;
  }
}

/** A folder of runs: a study with one finished run and one that was killed, and a single run. */
function writeRuns(root: string) {
  const experiment = sampleExperiment({ study: { name: 'demo' } });
  const plan = makePlan({
    study: 'demo',
    arms: arms(experiment, { disable: ['pnm'] }),
    seeds: [0, 1],
    fingerprint: 'fe'.repeat(32),
  });
  const [done, killed] = plan.runs;
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const run = (dir: string, isDone: boolean) => {
    write(`${dir}/${runFiles.config}`, resolvedYaml(experiment));
    write(`${dir}/${runFiles.steps}`, linesOf('steps'));
    write(`${dir}/${runFiles.timing}`, linesOf('timing'));
    write(`${dir}/${runFiles.evaluations}`, linesOf('evaluations'));
    const attempt = `${dir}/${runFiles.attempts}/1`;
    write(
      `${attempt}/${attemptFiles.lease}`,
      toJson({ schema: 1, pid: 1, processStart: 'then', host: 'a'.repeat(64), startedAt: sampleEnv.startedAt }),
    );
    write(`${attempt}/${attemptFiles.env}`, toJson(sampleEnv));
    const status = isDone ? 'finished' : 'interrupted';
    write(
      `${attempt}/${attemptFiles.ended}`,
      toJson({ schema: 1, status, reason: 'SIGTERM', step: 3, stepsHere: 3, endedAt: sampleEnv.startedAt }),
    );
    if (isDone) write(`${dir}/${runFiles.result}`, toJson({ ...result, id: done!.id }));
  };
  write(`demo/${studyFiles.plan}`, toJson(plan));
  run(`demo/${done!.path}`, true);
  run(`demo/${killed!.path}`, false);
  write(`older-01234567/${olderFiles.env}`, toJson(sampleEnv));
  write(
    `older-01234567/${olderFiles.attempt}`,
    toJson({ schema: 1, status: 'failed', reason: 'why', endedAt: sampleEnv.startedAt }),
  );
  return { plan, done: `demo/${done!.path}`, killed: `demo/${killed!.path}` };
}

describe('a folder of runs', () => {
  const sound = join(scratch, 'runs');
  const { plan, done, killed } = writeRuns(sound);
  const root = join(scratch, 'runs-damaged');
  cpSync(sound, root, { recursive: true });

  /** Replaces a file of the copy by what `make` puts there, and prints everything that is printed from the folder. */
  async function one(reader: string, file: string, make: (path: string) => void) {
    const path = join(root, file);
    rmSync(path, { recursive: true, force: true });
    make(path);
    const restore = () => {
      rmSync(path, { recursive: true, force: true });
      if (existsSync(join(sound, file))) cpSync(join(sound, file), path, { recursive: true });
    };
    return feed(
      reader,
      async () => {
        const entries = await listRuns(root);
        runsText(entries);
        for (const entry of entries) {
          expect(relative(root, entry.dir).startsWith('..'), entry.dir).toBe(false);
          if (!existsSync(entry.dir)) continue;
          lastAttempt(entry.dir);
          const { steps, evaluations } = await readLogs(entry.dir);
          runText(entry, steps, evaluations);
          toJson({ ...entry, evaluations });
        }
        await tableOf(root, join(root, 'demo'));
        return entries;
      },
      (entries) =>
        entries.some(({ state }) => state === 'unreadable')
          ? 'listed as unreadable'
          : 'every listing, run and table prints',
    ).finally(restore);
  }
  const holding = (text: string | Uint8Array) => (path: string) => writeFileSync(path, text);

  test('as it was written, it prints', async () => {
    expect(await one('as written', `demo/${studyFiles.plan}`, holding(toJson(plan)))).toBe('accepted');
    expect((await listRuns(sound)).map(({ state }) => state)).toEqual(
      expect.arrayContaining(['completed', 'interrupted', 'planned', 'failed']) as unknown,
    );
  });

  const records: readonly (readonly [string, string])[] = [
    ['plan.json', `demo/${studyFiles.plan}`],
    ['env.json', `${done}/${runFiles.attempts}/1/${attemptFiles.env}`],
    ['lease.json', `${killed}/${runFiles.attempts}/1/${attemptFiles.lease}`],
    ['ended.json', `${killed}/${runFiles.attempts}/1/${attemptFiles.ended}`],
    ['env.json, older', `older-01234567/${olderFiles.env}`],
    ['attempt.json, older', `older-01234567/${olderFiles.attempt}`],
    ['result.json in a table', `${done}/${runFiles.result}`],
  ];
  test.each(records)('%s', async (name, file) => {
    const text = readFileSync(join(sound, file), 'utf8');
    await fuzz(damagedJson(JSON.parse(text)), (damaged) => one(name, file, holding(damaged)), 0.5);
    await fuzz(bad(Buffer.from(text)), ({ bytes }: Damaged) => one(name, file, holding(bytes)), 0.3);
  });

  test('config.yaml of a run', () =>
    fuzz(
      bad(readFileSync(join(sound, killed, runFiles.config))),
      ({ bytes }) => one('config.yaml of a run', `${killed}/${runFiles.config}`, holding(bytes)),
      0.3,
    ));

  test('a plan whose runs would lie elsewhere is refused', async () => {
    const [first] = plan.runs;
    for (const change of [
      ...hostileText.flatMap((arm) => [{ arm, path: `${arm}/0-${first!.id.slice(0, 8)}` }]),
      { path: '../../x' },
      { path: '/etc' },
      { id: '../../../x', path: `${first!.arm}/0-../../..` },
      { seed: '../0', path: `${first!.arm}/../0-${first!.id.slice(0, 8)}` },
    ]) {
      const names = plan.arms.map((arm) =>
        arm.name === first!.arm && 'arm' in change ? { ...arm, name: change.arm } : arm,
      );
      const altered = { ...plan, arms: names, reference: names[0]!.name, runs: [{ ...first!, ...change }] };
      writeFileSync(join(scratch, studyFiles.plan), JSON.stringify(altered));
      const read = await feed(
        'plan.json',
        () => readPlan(scratch),
        ({ runs }) => {
          expect(join(scratch, runs[0]!.path).startsWith(join(scratch, runs[0]!.arm))).toBe(true);
          expect(runs[0]!.arm).not.toMatch(/[/\\\p{Cc}]|^\.\.?$/u);
          return 'a strange name, but one folder';
        },
      );
      if (!('arm' in change)) expect(read, JSON.stringify(change)).toBe('refused');
    }
  });

  test('a folder whose entries are not what they should be', async () => {
    const files = [studyFiles.plan, ...Object.values(runFiles), ...Object.values(attemptFiles)];
    const makes: ((path: string) => void)[] = [
      (path) => mkdirSync(path),
      (path) => writeFileSync(path, ''),
      (path) => writeFileSync(path, '\0'.repeat(100)),
      (path) => symlinkSync('/dev/zero', path),
      (path) => symlinkSync(path, path),
    ];
    for (const folder of ['demo', done, killed, `${killed}/${runFiles.attempts}/1`]) {
      for (const file of files) {
        if (!existsSync(join(sound, folder, file))) continue;
        for (const make of makes) await one('odd entries', `${folder}/${file}`, make);
      }
    }
  });

  test('names that somebody typed', () =>
    fuzz(
      fc.oneof(fc.constantFrom(...hostileText, 'demo', 'demo/..', '.*', '['), fc.string()),
      async (name) => {
        await feed(
          'names of runs',
          () => findRun(sound, name),
          ({ dir }) => {
            expect(existsSync(dir)).toBe(true);
            return 'names a run that is there';
          },
        );
        await feed(
          'names of studies',
          () => findStudy(sound, name),
          (dir) => {
            expect(existsSync(join(dir, studyFiles.plan))).toBe(true);
            return 'names a study that is there';
          },
        );
        await feed(
          'names of studies',
          () => {
            const parsed = experimentSchema.safeParse({ ...sampleExperiment(), study: { name } });
            if (parsed.success) return name;
            return Promise.resolve(undefined);
          },
          (accepted) => {
            if (accepted === undefined) return 'refused by the schema';
            expect(accepted).toMatch(/^[A-Za-z0-9][\w.-]*$/);
            return 'one folder';
          },
        );
      },
      0.5,
    ));
});
