import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { record, tensorboardEvents } from '../../src/runs/tensorboard.ts';
import type { RunStatus } from '../../src/runs/statuses.ts';
import { takeLease } from '../../src/runs/lease.ts';
import { openRun } from '../../src/runs/store.ts';
import { openSample, sampleEnv, sampleExperiment, sampleResult, sampleStep, temporaryFolder } from './sample.ts';

/** A Python that can import the tensorboard package, if there is one. */
const python = [process.env['RANGER21_PYTHON'], 'python3'].find(
  (command) => command && spawnSync(command, ['-c', 'import tensorboard']).status === 0,
);
const required = (process.env['RANGER21_REQUIRE'] ?? '').split(',').includes('tensorboard');
if (!python && !required) {
  console.log(
    'skipped: reading events back, because no Python with the tensorboard package was found (RANGER21_PYTHON)',
  );
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
    const { stdout, stderr, status } = spawnSync(python ?? 'python3', ['-c', program, join(dir, file)], {
      encoding: 'utf8',
    });
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
      'train/loss': [
        [1, '2.25'],
        [2, '2.25'],
        [300, 'nan'],
      ],
      'train/top1': [
        [1, '0.125'],
        [2, '0.125'],
        [300, '0.125'],
      ],
      'norm/gradient': [
        [1, '3.0'],
        [2, '3.0'],
        [300, 'inf'],
      ],
      'time/stepMs': [
        [1, '50.0'],
        [2, '50.0'],
        [300, '50.0'],
      ],
      'components/agc/clippedShare': [[1, '0.25']],
      'eval/loss': [[2, '2.5']],
      'eval/top1': [[2, '0.5']],
      'eval/top5': [[2, '0.75']],
    });
    expect(found.plugin).toEqual(Object.keys(found.scalars).sort());
    expect(readFileSync(join(dir, file)).length).toBeGreaterThan(1000);
  });
});

const hparamsProgram = `
import json, sys
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2, backend_context, get_experiment, list_session_groups
logdir = sys.argv[1]
multiplexer = EventMultiplexer()
multiplexer.AddRunsFromDirectory(logdir), multiplexer.Reload()
provider = MultiplexerDataProvider(multiplexer, logdir)
context = backend_context.Context(TBContext(logdir=logdir, multiplexer=multiplexer, data_provider=provider))
experiment = get_experiment.Handler(RequestContext(), context, "", api_pb2.GetExperimentRequest(include_metrics=True)).run()
request = api_pb2.ListSessionGroupsRequest(
    start_index=0, slice_size=100, aggregation_type=api_pb2.AGGREGATION_AVG, allowed_statuses=[0, 1, 2, 3])
groups = list_session_groups.Handler(RequestContext(), context, "", request).run().session_groups
print(json.dumps({
  "columns": {info.name: api_pb2.DataType.Name(info.type) for info in experiment.hparam_infos},
  "metrics": {info.name.tag: info.display_name for info in experiment.metric_infos},
  "groups": {group.name: {
    "settings": {key: getattr(value, value.WhichOneof("kind")) for key, value in group.hparams.items()},
    "average": {value.name.tag: [value.value, value.training_step] for value in group.metric_values},
    "sessions": {session.name: api_pb2.Status.Name(session.status) for session in group.sessions},
    "timed": all(0 < session.start_time_secs <= (session.end_time_secs or 1e12) for session in group.sessions),
  } for group in groups},
}))
`;

describe.skipIf(!python && !required)('the hparams plugin of the tensorboard package', () => {
  const root = join(temporaryFolder(), 'runs');
  const off = { components: { pnm: false } };

  /** A run that saw one evaluation; without a status it still trains. */
  async function trained(path: string, arm: string, experiment: object, top1: number, status?: RunStatus) {
    const dir = join(root, 'demo', path);
    const run = await openRun(dir, {
      experiment: sampleExperiment(experiment),
      lease: await takeLease(dir, sampleEnv),
      study: { name: 'demo', arm },
    });
    run.step(sampleStep(1));
    run.step(sampleStep(2, { loss: 1.5 }));
    run.evaluation({ step: 2, epoch: 0.1, loss: 4 * top1, top1 });
    if (status !== undefined) await run.finish(sampleResult({ status }));
    else run.flush();
  }

  test('groups the seeds of an arm and averages them', async () => {
    await trained('ranger21/0-00000000', 'ranger21', { seed: 0 }, 0.5, 'completed');
    await trained('ranger21/1-00000000', 'ranger21', { seed: 1 }, 0.75, 'target_reached');
    await trained('-pnm/0-00000000', '-pnm', { optimizer: off }, 0.25, 'diverged');
    await trained('-pnm/1-00000000', '-pnm', { seed: 1, optimizer: off }, 0.75);
    const alone = async (seed: number) => {
      const run = await openSample(
        join(root, `alone-0000000${seed}`),
        sampleExperiment({ seed, optimizer: { lr: 0.5 } }),
      );
      run.step(sampleStep(1));
      await run.abandon('failed', 'out of memory', { step: 1, stepsHere: 1 });
    };
    await alone(0);
    await alone(1);

    const ended = spawnSync(python ?? 'python3', ['-c', hparamsProgram, root], { encoding: 'utf8' });
    expect(ended.status, ended.stderr).toBe(0);
    const { columns, metrics, groups } = JSON.parse(ended.stdout) as Found;

    expect(columns).toMatchObject({
      arm: 'DATA_TYPE_STRING',
      'optimizer.lr': 'DATA_TYPE_FLOAT64',
      'optimizer.components.pnm': 'DATA_TYPE_BOOL',
    });
    expect(columns).not.toHaveProperty('seed'); // the tab would show that of one run for all of them
    expect(metrics).toEqual({
      'eval/top1': 'held-out top-1',
      'eval/loss': 'held-out loss',
      'train/loss': 'training loss',
    });

    const solo = Object.keys(groups).find((name) => /^sample-[0-9a-f]{8}$/.test(name))!;
    expect(Object.keys(groups).sort()).toEqual(['demo/-pnm', 'demo/ranger21', solo]);
    expect(groups['demo/ranger21']).toMatchObject({
      settings: { arm: 'ranger21', 'optimizer.components.pnm': true, 'train.batch': 64, 'model.name': 'r8-basic' },
      average: { 'eval/top1': [(0.5 + 0.75) / 2, 2], 'eval/loss': [(2 + 3) / 2, 2], 'train/loss': [1.5, 2] },
      sessions: {
        'demo/ranger21/0-00000000': 'STATUS_SUCCESS',
        'demo/ranger21/1-00000000': 'STATUS_SUCCESS',
      },
      timed: true,
    });
    expect(groups['demo/-pnm']).toMatchObject({
      settings: { arm: '-pnm', 'optimizer.components.pnm': false },
      average: { 'eval/top1': [0.5, 2] },
      sessions: { 'demo/-pnm/0-00000000': 'STATUS_FAILURE', 'demo/-pnm/1-00000000': 'STATUS_UNKNOWN' },
    });
    expect(groups[solo]).toMatchObject({
      settings: { arm: 'sample', 'optimizer.lr': 0.5 },
      sessions: { 'alone-00000000': 'STATUS_FAILURE', 'alone-00000001': 'STATUS_FAILURE' },
    });
  });

  test('takes a run that went on from a checkpoint for one session, with the end of the last attempt', async () => {
    const again = join(temporaryFolder(), 'runs');
    const dir = join(again, 'sample-01234567');
    const experiment = sampleExperiment();
    const first = await openRun(dir, { experiment, lease: await takeLease(dir, sampleEnv) });
    first.step(sampleStep(1));
    const logs = first.flush();
    const record = { schema: 1, step: 1, id: 'x', drift: {}, ...logs, progress: {}, writtenAt: '' } as const;
    await first.checkpoint(record, {});
    first.step(sampleStep(2, { loss: 9 }));
    await first.abandon('failed', 'out of memory', { step: 2, stepsHere: 2 });
    const second = await openRun(dir, { experiment, lease: await takeLease(dir, sampleEnv), from: record });
    second.step(sampleStep(2, { loss: 1.25 }));
    await second.finish(sampleResult());

    const ended = spawnSync(python ?? 'python3', ['-c', hparamsProgram, again], { encoding: 'utf8' });
    expect(ended.status, ended.stderr).toBe(0);
    const [group] = Object.values((JSON.parse(ended.stdout) as Found).groups);
    expect(group).toMatchObject({
      sessions: { 'sample-01234567': 'STATUS_SUCCESS' },
      average: { 'train/loss': [1.25, 2] },
    });
  });
});

interface Found {
  readonly columns: Record<string, string>;
  readonly metrics: Record<string, string>;
  readonly groups: Record<
    string,
    {
      readonly settings: Record<string, unknown>;
      readonly average: Record<string, [number, number]>;
      readonly sessions: Record<string, string>;
      readonly timed: boolean;
    }
  >;
}
