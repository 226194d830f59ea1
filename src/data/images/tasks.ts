/** What a decoding thread can be asked. */
import { decodeTask, type DecodeDone, type DecodeTask } from './decodeTask.ts';
import { begin, type Span } from '../../spans.ts';
import type { ImageSplit } from './imageSplit.ts';
import { hashTask, type HashFault, type HashTask } from './hashTask.ts';
import { orderOf, type OrderTask } from '../epochOrder.ts';
import { packTask, type PackDone, type PackTask } from './packTask.ts';

/** What every thread is given at its start. */
export interface Setup {
  /** Absent where it only hashes files. */
  readonly train?: ImageSplit;
  readonly test?: ImageSplit;
  /** Whether somebody wants to hear what the parts of a task take. */
  readonly isHeard?: boolean;
}

export type Task = DecodeTask | PackTask | OrderTask | HashTask;
export type Done<T extends Task = Task> = T extends DecodeTask
  ? DecodeDone
  : T extends PackTask
    ? PackDone
    : T extends HashTask
      ? HashFault[]
      : Uint32Array;

/** Answer to the task with this number. An error's class does not survive the way: a UserError's fields go beside it. */
export type Answer = { readonly id: number; readonly spans?: readonly Span[] } & (
  { readonly done: Done } | { readonly error: Error; readonly fix?: { readonly remedy: string; readonly code: number } }
);

export async function runTask(task: Task, setup: Setup): Promise<Done> {
  if (task.kind === 'order') {
    const endOrder = begin('order');
    const order = orderOf(task);
    endOrder();
    return order;
  }
  if (task.kind === 'hash') return hashTask(task);
  const split = setup[task.split]!;
  return task.kind === 'decode' ? decodeTask(task, split) : packTask(task, split);
}
