/** A training process that another one started: it reports its steps, and does not outlive who asked for it. */
import { exitCode } from '../errors.ts';
import type { Stopping } from './signals.ts';

/** What a child says on its channel, and what a parent hears: each step, and what the user should know. */
export interface StepMessage {
  readonly step: number;
  readonly totalSteps: number;
  readonly loss: number;
}
export type ChildMessage = StepMessage | { readonly tell: string };

/**
 * Reports to the parent over the channel between them, where there is one. Its end is the parent's, also by kill -9, or the
 * parent's wish: the child then saves its state and stops. `isChild`: there was a channel, so that none means that the parent is gone already.
 */
export function followParent({ stop }: Pick<Stopping, 'stop'>, isChild: boolean): (message: ChildMessage) => void {
  const stopWithParent = () => stop('the process that started this one is gone, or stops', exitCode.locked);
  if (!process.connected && isChild) stopWithParent();
  if (!process.connected) return () => undefined;
  process.once('disconnect', stopWithParent);
  process.channel?.unref(); // waiting for the parent is no reason to live on
  return (message) => {
    if (process.connected) process.send!(message, undefined, {}, () => undefined); // a parent that is gone needs no news
  };
}
