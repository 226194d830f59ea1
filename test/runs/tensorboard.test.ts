import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { record, tensorboardEvents } from '../../src/runs/tensorboard.ts';
import { openSample, sampleExperiment, sampleResult, sampleStep, temporaryFolder } from './sample.ts';

/** A Python that can import the tensorboard package, if there is one. */
const python = [process.env['RANGER21_PYTHON'], 'python3'].find(
  (command) => command && spawnSync(command, ['-c', 'import tensorboard']).status === 0,
);
const required = (process.env['RANGER21_REQUIRE'] ?? '').split(',').includes('tensorboard');
if (!python && !required) {
  console.log('skipped: reading events back, because no Python with the tensorboard package was found (RANGER21_PYTHON)');
}

test('a record is length, its checksum, the event and its checksum', () => {
  // Written by tensorboard 2.21: RecordWriter(f).write(b"event").
  expect(record(Buffer.from('event')).toString('hex')).toBe('0500000000000000eab2043e6576656e74e5690bf6');
});

test('steps must not go back', () => {
  const events = tensorboardEvents();
  events.step(sampleStep(4), 0);
  events.evaluation({ step: 4, epoch: 0.2, loss: 1, top1: 0.5 }, 0);
  expect(() => events.step(sampleStep(3), 0)).toThrow('event of step 3 after one of step 4');
});

const program = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator as PluginAccumulator
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto import event_pb2
path = sys.argv[1]
first = event_pb2.Event.FromString(next(iter(RawEventFileLoader(path).Load())))
old, new = EventAccumulator(path), PluginAccumulator(path)
old.Reload(), new.Reload()
print(json.dumps({
  "version": first.file_version,
  "scalars": {tag: [[e.step, repr(e.value)] for e in old.Scalars(tag)] for tag in old.Tags()["scalars"]},
  "plugin": sorted(new.PluginTagToContent("scalars")),
  "wallTime": first.wall_time,
}))
`;

describe.skipIf(!python && !required)('the tensorboard package reads the file of a run', () => {
  test('every scalar at its step, in both of its readers', async () => {
    const dir = join(temporaryFolder(), 'runs', 'sample-01234567');
    const run = await openSample(dir, sampleExperiment());
    run.step(sampleStep(1, { meters: { 'agc/clippedShare': 0.25 } }));
    run.step(sampleStep(2));
    run.evaluation({ step: 2, epoch: 0.1, loss: 2.5, top1: 0.5, top5: 0.75 });
    run.step(sampleStep(300, { loss: NaN, gradNorm: Infinity }));
    await run.finish(sampleResult());

    const file = readdirSync(dir).find((name) => name.includes('tfevents')) ?? '';
    const { stdout, stderr, status } = spawnSync(python ?? 'python3', ['-c', program, join(dir, file)], { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    const found = JSON.parse(stdout) as {
      version: string;
      scalars: Record<string, [number, string][]>;
      plugin: string[];
      wallTime: number;
    };
    expect(found.version).toBe('brain.Event:2');
    expect(Math.abs(found.wallTime - Date.now() / 1000)).toBeLessThan(60);
    expect(found.scalars).toMatchObject({
      'train/loss': [[1, '2.25'], [2, '2.25'], [300, 'nan']],
      'train/top1': [[1, '0.125'], [2, '0.125'], [300, '0.125']],
      'norm/gradient': [[1, '3.0'], [2, '3.0'], [300, 'inf']],
      'time/stepMs': [[1, '50.0'], [2, '50.0'], [300, '50.0']],
      'components/agc/clippedShare': [[1, '0.25']],
      'eval/loss': [[2, '2.5']],
      'eval/top1': [[2, '0.5']],
      'eval/top5': [[2, '0.75']],
    });
    expect(found.plugin).toEqual(Object.keys(found.scalars).sort());
    expect(readFileSync(join(dir, file)).length).toBeGreaterThan(1000);
  });
});
