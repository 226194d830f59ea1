/**
 * What TensorBoard's HPARAMS tab shows of a run: its settings, and the group of runs it is averaged with, which is its arm.
 *
 * A record is a summary value without numbers; its content stands in the metadata, as the plugin `hparams` reads it:
 *
 *     _hparams_/experiment            which settings and metrics the tab has columns for
 *     _hparams_/session_start_info    settings, group and beginning of this run
 *     _hparams_/session_end_info      how and when it ended; missing while it trains
 *
 * Reference: tensorboard/plugins/hparams/{api,plugin_data}.proto and metadata.py of TensorBoard.
 */
import { createHash } from 'node:crypto';
import type { Experiment } from '../config/schema.ts';
import { canonicalJson, id8, identity } from './id.ts';
import { bytesField, doubleField, varintField } from './protobuf.ts';
import { isWhole, type RunStatus } from './statuses.ts';

type Value = string | number | boolean;

/** One run as a session of the tab. */
export interface HparamsSession {
  readonly group: string;
  readonly settings: Readonly<Record<string, Value>>;
}

/** Runs of an arm, or of a config outside a study, are one group whatever their seed. */
export function hparamsSession(
  experiment: Experiment,
  study?: { readonly name: string; readonly arm: string },
): HparamsSession {
  const hash = createHash('sha256')
    .update(canonicalJson(identity(experiment, 0, '')))
    .digest('hex');
  return {
    group: study ? `${study.name}/${study.arm}` : `${experiment.name}-${id8(hash)}`,
    settings: { arm: study?.arm ?? experiment.name, ...settingsOf(experiment) },
  };
}

/** The same names for every run, since the tab takes its columns from whichever run it reads first. */
function settingsOf({ model, dataset, optimizer, train }: Experiment): Record<string, Value> {
  const isOn = Object.entries(optimizer.components).map(([name, component]) => [name, component !== false] as const);
  return {
    'model.name': model.name,
    'dataset.name': dataset.name,
    'optimizer.name': optimizer.name,
    'optimizer.semantics': optimizer.semantics,
    'optimizer.core.name': optimizer.core.name,
    'optimizer.lr': optimizer.lr,
    'optimizer.weightDecay': optimizer.weightDecay,
    'train.epochs': train.epochs,
    'train.batch': train.batch,
    'train.labelSmoothing': train.labelSmoothing,
    ...Object.fromEntries(isOn.map(([name, on]) => [`optimizer.components.${name}`, on])),
  };
}

const metrics = [
  { tag: 'eval/top1', name: 'held-out top-1', dataset: 2 },
  { tag: 'eval/loss', name: 'held-out loss', dataset: 2 },
  { tag: 'train/loss', name: 'training loss', dataset: 1 },
] as const;

/** Experiment { time_created_secs = 3, hparam_infos = 4, metric_infos = 5, name = 6 } and SessionStartInfo, as summary values. */
export const sessionStart = ({ group, settings }: HparamsSession, wallTime: number): Buffer[] => [
  value('_hparams_/experiment', 2, [
    doubleField(3, wallTime),
    ...Object.entries(settings).map(([name, x]) => message(4, hparamInfo(name, x))),
    ...metrics.map(({ tag, name, dataset }) => message(5, metricInfo(tag, name, dataset))),
    bytesField(6, 'ranger21'),
  ]),
  // SessionStartInfo { hparams = 1 (map), group_name = 4, start_time_secs = 5 }
  value('_hparams_/session_start_info', 3, [
    ...Object.entries(settings).map(([name, x]) => message(1, [bytesField(1, name), bytesField(2, protobufValue(x))])),
    bytesField(4, group),
    doubleField(5, wallTime),
  ]),
];

/** SessionEndInfo { status = 1, end_time_secs = 2 }, as a summary value. */
export const sessionEnd = (status: RunStatus, wallTime: number): Buffer =>
  value('_hparams_/session_end_info', 4, [varintField(1, isWhole(status) ? 1 : 2), doubleField(2, wallTime)]);

/** Of `api.proto`'s DataType. */
const dataTypes = { string: 1, boolean: 2, number: 3 } as const;
const typeOf = (x: Value): number => dataTypes[typeof x as keyof typeof dataTypes];

/** HParamInfo { name = 1, type = 4 } */
const hparamInfo = (name: string, x: Value): Buffer[] => [bytesField(1, name), varintField(4, typeOf(x))];

/** MetricInfo { name = 1 { tag = 2 }, display_name = 3, dataset_type = 5 (1: training, 2: validation) } */
const metricInfo = (tag: string, name: string, dataset: number): Buffer[] => [
  bytesField(1, bytesField(2, tag)),
  bytesField(3, name),
  varintField(5, dataset),
];

/** google.protobuf.Value { number_value = 2, string_value = 3, bool_value = 4 } */
function protobufValue(x: Value): Buffer {
  if (typeof x === 'number') return doubleField(2, x);
  return typeof x === 'string' ? bytesField(3, x) : varintField(4, Number(x));
}

const message = (field: number, parts: readonly Buffer[]): Buffer => bytesField(field, Buffer.concat(parts));

/** Summary.Value { tag = 1, tensor = 8, metadata = 9 }; the tensor is empty, since the reader drops values without any. */
const value = (tag: string, field: number, content: readonly Buffer[]): Buffer =>
  Buffer.concat([bytesField(1, tag), bytesField(8, emptyTensor), bytesField(9, metadata(field, content))]);

/** SummaryMetadata { plugin_data = 1 { plugin_name = 1, content = 2 } }; HParamsPluginData is one of several in a field each. */
const metadata = (field: number, content: readonly Buffer[]): Buffer =>
  message(1, [bytesField(1, 'hparams'), bytesField(2, message(field, content))]);

/** TensorProto { dtype = 1 (DT_FLOAT: 1), tensor_shape = 2 { dim = 2 { size = 1 } } }: a vector of no length. */
const emptyTensor = Buffer.concat([varintField(1, 1), bytesField(2, bytesField(2, varintField(1, 0)))]);
