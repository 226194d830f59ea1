/**
 * What a step's parts take, told to whoever listens (`profile`); where nobody does, a part costs one comparison. Times are
 * milliseconds since 1970, which all threads share.
 */
import { channel } from 'node:diagnostics_channel';

export const parts = [
  'turn',
  'wait',
  'transfer',
  'compute',
  'read back',
  'order',
  'read',
  'decode',
  'augment',
] as const;
/**
 * turn: one step of the training loop, which holds the rest but what other threads do · wait: for the batch · transfer: copying
 * it to the device · compute: the program · read back: waiting for its outputs · order: shuffling · read, decode, augment: files
 * to the pixels of a batch
 */
export type Part = (typeof parts)[number];

/** One part, once. */
export interface Span {
  readonly part: Part;
  /** Who did it: the training loop, the device, a decoding thread. */
  readonly thread: string;
  readonly start: number;
  readonly end: number;
}

const spans = channel('ranger21.spans');
const now = () => performance.timeOrigin + performance.now();
const nothing = () => undefined;

export const mainThread = 'training loop';
export const device = 'device';

/** Begins a part; what it returns ends it. */
export function begin(part: Part, thread = mainThread): () => void {
  if (!spans.hasSubscribers) return nothing;
  const start = now();
  return () => tell({ part, thread, start, end: now() });
}

/** Tells of what was heard elsewhere, in another thread say. */
export const tell = (span: Span): void => spans.publish(span);

export const hasListeners = (): boolean => spans.hasSubscribers;

/** Calls `hear` for every part that ends from now on; what it returns stops that. */
export function listen(hear: (span: Span) => void): () => void {
  const subscriber = (span: unknown) => hear(span as Span);
  spans.subscribe(subscriber);
  return () => spans.unsubscribe(subscriber);
}
