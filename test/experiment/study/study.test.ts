import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { trainMissing, type RunEnd } from '../../../src/experiment/study/study.ts';
import { takeLease } from '../../../src/runs/lease.ts';
import type { PlannedRun } from '../../../src/runs/study.ts';
import { killed, sampleEnv, temporaryFolder } from '../../runs/sample.ts';

const runs = (n: number): PlannedRun[] =>
  Array.from({ length: n }, (_, i) => ({ arm: 'a', seed: i, id: String(i), path: `a/${i}` }));

/** Trains with `how` a run ends; what was trained, in order, and what was said. */
async function study(dir: string, planned: PlannedRun[], how: (run: PlannedRun) => RunEnd | Promise<RunEnd>, jobs = 1) {
  const trained: number[] = [];
  const ends: string[] = [];
  const waits: number[] = [];
  const hooks = {
    trainOne: async (run: PlannedRun) => {
      trained.push(run.seed);
      return how(run);
    },
    onEnd: ({ seed }: PlannedRun, end: RunEnd) => void ends.push(`${seed} ${end.kind}`),
    onWait: (left: number) => void waits.push(left),
  };
  const end = await trainMissing(dir, planned, jobs, hooks, new AbortController().signal);
  return { end, trained, ends, waits };
}

const done: RunEnd = { kind: 'done', text: '' };
const failed = (text: string, stepsHere = 0): RunEnd => ({ kind: 'failed', text, stepsHere });
const finish = (dir: string, seed: number) => {
  mkdirSync(join(dir, `a/${seed}`), { recursive: true });
  writeFileSync(join(dir, `a/${seed}/result.json`), '{}');
};

describe('failures', () => {
  test('are told and the others go on', async () => {
    const { end, ends } = await study(temporaryFolder(), runs(4), ({ seed }) =>
      seed % 2 ? failed(`error ${seed}`) : done,
    );
    expect(ends).toEqual(['0 done', '1 failed', '2 done', '3 failed']);
    expect(end).toEqual({ trained: 2, elsewhere: 0, failed: 2, interrupted: false });
  });

  test('three alike in the first steps end the study', async () => {
    const dir = temporaryFolder();
    const { end, trained } = await study(dir, runs(9), ({ seed, path }) =>
      seed % 2 ? failed(`cannot write ${join(dir, path)}: disk full`) : done,
    );
    expect(trained).toEqual([0, 1, 2, 3, 4, 5]);
    expect(end).toEqual({
      trained: 3,
      elsewhere: 0,
      failed: 3,
      interrupted: false,
      givenUp: 'cannot write <run>: disk full',
    });
  });

  test.each<[string, (seed: number) => RunEnd]>([
    ['different ones', (seed) => failed(`error ${seed}`)],
    ['those that came late', () => failed('out of memory', 10)],
  ])('%s do not', async (_, how) => {
    expect((await study(temporaryFolder(), runs(5), ({ seed }) => how(seed))).end).toMatchObject({ failed: 5 });
  });
});

describe('runs that another process trains', () => {
  test('are left to it, waited for at the end, and not trained twice', async () => {
    const dir = temporaryFolder();
    const lease = await takeLease(join(dir, 'a/0'), sampleEnv);
    const { end, trained, waits, ends } = await study(dir, runs(3), ({ seed }) => {
      if (seed === 2) {
        setTimeout(() => {
          finish(dir, 0);
          void lease.end({ status: 'finished', reason: 'completed', step: 1, stepsHere: 1 });
        }, 300);
      }
      return done;
    });
    expect([trained, waits, ends]).toEqual([[1, 2], [1], ['1 done', '2 done', '0 done']]);
    expect(end).toEqual({ trained: 2, elsewhere: 1, failed: 0, interrupted: false });
  });

  test('are taken over where it died', async () => {
    const dir = temporaryFolder();
    await takeLease(join(dir, 'a/0'), sampleEnv);
    const { end, trained } = await study(dir, runs(2), ({ seed }) => {
      if (seed === 1) killed(join(dir, 'a/0'));
      return done;
    });
    expect([trained, end.trained]).toEqual([[1, 0], 2]);
  });

  test('that it took between our look and our start are put back', async () => {
    const dir = temporaryFolder();
    let first = true;
    const { trained, end } = await study(dir, runs(2), ({ seed }) => {
      if (seed === 0 && first) {
        first = false;
        finish(dir, 0);
        return { kind: 'taken' };
      }
      return done;
    });
    expect([trained, end.trained, end.elsewhere]).toEqual([[0, 1], 1, 1]);
  });
});
