/** What runs are selected, sorted and listed by, beside the values of their configs. */
import type { RunEntry } from './list.ts';

type Value = string | number | undefined;

/** Shares (`top1`) are 0 … 1, times as the name says. */
export const fields = {
  run: ({ path }) => path,
  id: ({ id }) => id,
  study: ({ study }) => study,
  arm: ({ arm }) => arm,
  seed: ({ seed }) => seed,
  status: ({ state }) => state,
  top1: ({ result }) => result?.last.top1,
  bestTop1: ({ result }) => result?.best.top1,
  loss: ({ result }) => result?.last.loss,
  steps: ({ result }) => result?.steps,
  epochs: ({ result }) => result?.epochs,
  trainSeconds: ({ result }) => result?.trainSeconds,
  msPerStep: ({ result }) => result?.msPerStep,
  imagesPerSecond: ({ result }) => result?.imagesPerSecond,
  parameters: ({ result }) => result?.parameters,
  backend: ({ result, env }) => result?.backend.name ?? env?.backend.name,
  code: ({ result }) => result?.code,
  data: ({ result }) => result?.fingerprint,
  attempts: ({ attempts }) => attempts,
  changed: ({ updatedAt }) => updatedAt,
  reason: ({ reason }) => reason,
} as const satisfies Readonly<Record<string, (entry: RunEntry) => Value>>;

export type FieldName = keyof typeof fields;
export const fieldNames = Object.keys(fields) as FieldName[];
export const isField = (key: string): key is FieldName => Object.hasOwn(fields, key);
