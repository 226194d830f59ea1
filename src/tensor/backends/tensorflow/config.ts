/** What a run may choose about TensorFlow, and its encoding as TensorFlow's ConfigProto. */
import { readFileSync } from 'node:fs';
import { exitCode, UserError } from '../../../errors.ts';
import type { SessionOptions } from '../../compile.ts';

/** A protobuf message as its encoded fields. */
type Message = Buffer;

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}
const whole = (field: number, value: number): Message => Buffer.concat([varint(field * 8), varint(value)]);
const nested = (field: number, content: Message | string): Message => {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes]);
};

// field numbers of tensorflow/core/protobuf/config.proto and rewriter_config.proto
const config = { deviceCount: 1, intraOpThreads: 2, interOpThreads: 5, gpuOptions: 6, graphOptions: 10 } as const;
const gpu = { allowGrowth: 4, visibleDevices: 5 } as const;
const rewriteOptions = 10; // of graphOptions
const rewriter = { on: 1, off: 2, mixedPrecisionOneDnn: 31 } as const;

/** GPU index of `gpu` or `gpu:N`; undefined for `cpu`, or where nothing was asked for. */
export const gpuIndex = (device: string | undefined): number | undefined =>
  device?.startsWith('gpu') ? Number(device.split(':')[1] ?? 0) : undefined;

/** The configuration of the process' one TensorFlow context. One GPU is visible, and its memory is taken as needed. */
export function contextConfig({ threads, device }: SessionOptions): Buffer {
  const visible = gpuIndex(device) ?? 0;
  return Buffer.concat([
    ...(threads ? [whole(config.intraOpThreads, threads), whole(config.interOpThreads, threads)] : []),
    ...(device === 'cpu' ? [nested(config.deviceCount, Buffer.concat([nested(1, 'GPU'), whole(2, 0)]))] : []),
    nested(config.gpuOptions, Buffer.concat([whole(gpu.allowGrowth, 1), nested(gpu.visibleDevices, `${visible}`)])),
  ]);
}

/** The configuration of one call: how TensorFlow may rewrite the program. */
export function callConfig({ precision }: SessionOptions): Buffer {
  const rewrites = precision === 'bf16' ? [whole(rewriter.mixedPrecisionOneDnn, rewriter.on)] : [];
  return rewrites.length === 0
    ? Buffer.alloc(0)
    : nested(config.graphOptions, nested(rewriteOptions, Buffer.concat(rewrites)));
}

/** Whether the processor multiplies bfloat16 numbers itself; only where it does, TensorFlow uses them on a CPU. */
function hasBfloat16(): boolean {
  if (process.platform !== 'linux') return false;
  return /\b(avx512_bf16|amx_bf16|bf16)\b/.test(readFileSync('/proc/cpuinfo', 'utf8'));
}

/** Refuses what the device cannot do, so that a run never computes otherwise than its record says. */
export function checkOptions({ precision }: SessionOptions, deviceType: string): void {
  const refuse = (why: string, remedy: string) => {
    throw new UserError(`precision ${precision}: ${why}`, { remedy, code: exitCode.environment });
  };
  if (precision === 'tf32' && deviceType !== 'GPU') refuse('only GPUs have it', 'use float32');
  if (precision === 'bf16' && deviceType !== 'CPU') refuse('only offered on CPUs', 'use tf32 or float32');
  if (precision === 'bf16' && !hasBfloat16()) refuse('this processor has no bfloat16 arithmetic', 'use float32');
}
