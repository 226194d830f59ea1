/** Part of a batch: which samples become which pixels, and where those go. Runs in a worker thread, or on the main one. */
import { stream } from '../random.ts';
import { writeTransformed, type Care } from './decode.ts';
import { ChangedFile, readStored } from './imageStore.ts';
import type { BadFilePolicy, ImageSplit } from './imageSplit.ts';
import { evalGeometry, trainGeometry } from './resizedCrop.ts';

export interface DecodeTask {
  readonly kind: 'decode';
  readonly split: 'train' | 'test';
  /** What makes a training sample's crop and mirroring; absent in evaluation. */
  readonly augment?: { readonly seed: number; readonly epoch: number; readonly flip: boolean };
  /** Side of the square that is written. */
  readonly side: number;
  /** Length of the short side that evaluation resizes to. */
  readonly short: number;
  readonly policy: BadFilePolicy;
  readonly samples: Uint32Array;
  /** [samples, side, side, 3], shared with the main thread. */
  readonly out: Uint8Array;
}

/** What is wrong with a sample's file; `changed` where its content is no longer what it was. */
export interface BadSample {
  readonly sample: number;
  readonly reason: string;
  readonly isChanged: boolean;
}

export interface DecodeDone {
  readonly bad: readonly BadSample[];
  /** Samples that stand in for bad ones, by their place in the task. */
  readonly standIns: readonly { readonly place: number; readonly sample: number }[];
  /** Places of evaluation samples that have no pixels. */
  readonly gaps: readonly number[];
}

/** So many bad files in a row, and no more stand-ins are looked for. */
const mostInARow = 100;

export async function decodeTask(task: DecodeTask, split: ImageSplit): Promise<DecodeDone> {
  const { samples, out, side, policy } = task;
  const bad: BadSample[] = [];
  const standIns: { place: number; sample: number }[] = [];
  const gaps: number[] = [];
  const size = side * side * 3;

  /** Whether the sample could be written; where not, or not completely, it is in `bad` afterwards. */
  const write = async (sample: number, place: number): Promise<boolean> => {
    for (const care of policy === 'warn' ? (['strict', 'lenient'] as const) : (['strict'] as const)) {
      try {
        await writeSample(task, split, sample, care, place * size);
        return true;
      } catch (error) {
        const isChanged = error instanceof ChangedFile;
        if (bad.at(-1)?.sample !== sample) bad.push({ sample, reason: (error as Error).message, isChanged });
        if (isChanged) return false;
      }
    }
    return false;
  };
  const mayGoOn = () => policy !== 'error' && !bad.some(({ isChanged }) => isChanged);

  for (const [place, sample] of samples.entries()) {
    if (await write(sample, place)) continue;
    if (!mayGoOn()) break;
    if (task.augment === undefined) {
      out.fill(0, place * size, (place + 1) * size);
      gaps.push(place);
      continue;
    }
    let next = sample;
    let isWritten = false;
    for (let tries = 0; tries < mostInARow && !isWritten && mayGoOn(); tries++) {
      next = (next + 1) % split.count;
      isWritten = await write(next, place);
    }
    if (!isWritten) break;
    standIns.push({ place, sample: next });
  }
  return { bad, standIns, gaps };
}

function writeSample(task: DecodeTask, split: ImageSplit, sample: number, care: Care, to: number): Promise<void> {
  const { augment, side, short } = task;
  const geometry = (width: number, height: number) =>
    augment === undefined
      ? evalGeometry(short, side, width, height)
      : trainGeometry(stream(augment.seed, 'augment', augment.epoch, sample), augment.flip, side, width, height);
  return writeTransformed(readStored(split.store, split.places?.[sample] ?? sample), geometry, care, task.out, to);
}
