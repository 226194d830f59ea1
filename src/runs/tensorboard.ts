/**
 * TensorBoard event files, written from the same records as `metrics.jsonl` and `evals.jsonl`.
 *
 * A file is a sequence of records, each an `Event` message in a frame:
 *
 *     length (uint64) · masked CRC32C of the length (uint32) · event · masked CRC32C of the event (uint32)    little-endian
 *
 * The first event holds the file version. References: the record format, https://www.tensorflow.org/tutorials/load_data/tfrecord;
 * the messages, event.proto and summary.proto of TensorBoard.
 */
import { maskedCrc32c } from '../crc32c.ts';
import { sessionEnd, sessionStart, type HparamsSession } from './hparams.ts';
import type { EvalMetrics, StepMetrics } from './metrics.ts';
import { bytesField, doubleField, floatField, varintField } from './protobuf.ts';
import type { RunStatus } from './statuses.ts';

/** Turns a run's records into the bytes of its event file; times are seconds since 1970. */
export interface EventEncoder {
  /**
   * Name of the file of one attempt, and its first bytes; `from` is the first step that goes on from a checkpoint. The
   * session is for the HPARAMS tab, and stands in the first attempt's file already where one goes on.
   */
  start(
    wallTime: number,
    attempt: number,
    from?: number,
    session?: HparamsSession,
  ): { readonly file: string; readonly bytes: Buffer };
  step(metrics: StepMetrics, wallTime: number): Buffer;
  evaluation(metrics: EvalMetrics, wallTime: number): Buffer;
  /** How the run ended. */
  end(status: RunStatus, wallTime: number): Buffer;
}

/** An encoder for one run. Steps must not go back: TensorBoard would drop the later points it has already read. */
export function tensorboardEvents(): EventEncoder {
  let lastStep = 0;
  const scalars = (step: number, wallTime: number, values: Readonly<Record<string, number | undefined>>): Buffer => {
    if (step < lastStep) throw new Error(`event of step ${step} after one of step ${lastStep}`);
    lastStep = step;
    return record(scalarEvent(step, wallTime, values));
  };
  return {
    // The name carries no host, unlike TensorFlow's: runs are made to be shared.
    start: (wallTime, attempt, from, session) => ({
      file: `${eventFilePrefix}${Math.floor(wallTime)}.ranger21.${attempt}`,
      bytes: Buffer.concat([
        record(Buffer.concat([doubleField(1, wallTime), bytesField(3, 'brain.Event:2')])),
        ...(from === undefined ? [] : [record(restartEvent(wallTime, from))]),
        ...(from === undefined && session ? [record(summaryEvent(0, wallTime, sessionStart(session, wallTime)))] : []),
      ]),
    }),
    step: (metrics, wallTime) => scalars(metrics.step, wallTime, stepScalars(metrics)),
    evaluation: (metrics, wallTime) => scalars(metrics.step, wallTime, evaluationScalars(metrics)),
    end: (status, wallTime) => record(summaryEvent(lastStep, wallTime, [sessionEnd(status, wallTime)])),
  };
}

export const eventFilePrefix = 'events.out.tfevents.';

/** Event { wall_time = 1, step = 2, session_log = 7 { status = 1 (START: 1) } }: points of this step and later are void. */
const restartEvent = (wallTime: number, step: number): Buffer =>
  Buffer.concat([doubleField(1, wallTime), varintField(2, step), bytesField(7, varintField(1, 1))]);

const stepScalars = (m: StepMetrics): Record<string, number> => ({
  'train/loss': m.loss,
  'train/top1': m.trainTop1,
  'train/lr': m.lr,
  'train/epoch': m.epoch,
  'norm/gradient': m.gradNorm,
  'norm/parameters': m.paramNorm,
  'norm/update': m.updateNorm,
  'time/stepMs': m.ms,
  'time/dataWaitMs': m.dataWaitMs,
  'time/imagesPerSecond': m.imagesPerSecond,
  ...Object.fromEntries(Object.entries(m.meters ?? {}).map(([name, value]) => [`components/${name}`, value])),
});

const evaluationScalars = (m: EvalMetrics): Record<string, number | undefined> => ({
  'eval/loss': m.loss,
  'eval/top1': m.top1,
  'eval/top5': m.top5,
});

/** Event { wall_time = 1, step = 2, summary = 5 { value = 1 } } */
const summaryEvent = (step: number, wallTime: number, values: readonly Buffer[]): Buffer =>
  Buffer.concat([
    doubleField(1, wallTime),
    varintField(2, step),
    bytesField(5, Buffer.concat(values.map((value) => bytesField(1, value)))),
  ]);

/** Of each value: Summary.Value { tag = 1, simple_value = 2, metadata = 9 } */
function scalarEvent(step: number, wallTime: number, values: Readonly<Record<string, number | undefined>>): Buffer {
  const given = Object.entries(values).flatMap(([tag, value]) =>
    value === undefined
      ? []
      : [Buffer.concat([bytesField(1, tag), floatField(2, value), bytesField(9, scalarMetadata)])],
  );
  return summaryEvent(step, wallTime, given);
}

/** SummaryMetadata { plugin_data = 1 { plugin_name = 1 }, data_class = 4 (1: scalar) } */
const scalarMetadata = Buffer.concat([bytesField(1, bytesField(1, 'scalars')), varintField(4, 1)]);

/** One event in its frame. */
export function record(event: Uint8Array): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(event.length));
  return Buffer.concat([length, maskedCrc(length), event, maskedCrc(event)]);
}

function maskedCrc(bytes: Uint8Array): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(maskedCrc32c(bytes));
  return out;
}
