/** Part of a batch: which samples become which pixels, and where those go. Runs in a worker thread, or on the main one. */
import { UserError } from '../../errors.ts';
import { stream } from '../../random.ts';
import { begin } from '../../spans.ts';
import { badSample, type BadSample } from './badFiles.ts';
import { writeTransformed, type Care } from './decode.ts';
import { FileFault, readStored } from './imageStore.ts';
import { sampleName, type BadFilePolicy, type ImageSplit } from './imageSplit.ts';
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

export interface DecodeDone {
  readonly bad: readonly BadSample[];
  /** Samples that stand in for bad ones, by their place in the task. */
  readonly standIns: readonly { readonly place: number; readonly sample: number }[];
  /** Places of evaluation samples that have no pixels. */
  readonly gaps: readonly number[];
}

/** So many bad files in a row are no accident: the folder is gone or the files are of another kind. */
const mostInARow = 100;

/**
 * Decodes a part of a batch. Afterwards every place has its sample's pixels, those of a stand-in, or zeros and is a gap, unless `bad`
 * holds a sample that the report throws for.
 */
export async function decodeTask(task: DecodeTask, split: ImageSplit): Promise<DecodeDone> {
  const { samples, out, side, policy } = task;
  const bad: BadSample[] = [];
  const standIns: { place: number; sample: number }[] = [];
  const gaps: number[] = [];
  const size = side * side * 3;

  /** Whether the sample could be written; where not, or not completely, it is in `bad` afterwards. */
  const write = async (sample: number, place: number): Promise<boolean> => {
    try {
      await writeSample(task, split, sample, 'strict', place * size);
      return true;
    } catch (error) {
      const isUsed =
        policy === 'warn' &&
        !(error instanceof FileFault) &&
        (await writeSample(task, split, sample, 'lenient', place * size).then(
          () => true,
          () => false,
        ));
      bad.push(badSample(sample, error, isUsed));
      return isUsed;
    }
  };
  const mayGoOn = () => policy !== 'error' && bad.every(({ remedy }) => remedy === undefined);

  for (const [place, sample] of samples.entries()) {
    if (await write(sample, place)) continue;
    if (!mayGoOn()) break; // the report throws
    if (task.augment === undefined) {
      out.fill(0, place * size, (place + 1) * size);
      gaps.push(place);
      continue;
    }
    let next = sample;
    let inARow = 1;
    do {
      if (inARow === Math.min(mostInARow, split.count)) throw tooManyBad(inARow, sampleName(split, next), bad);
      inARow += 1;
      next = (next + 1) % split.count;
    } while (!(await write(next, place)) && mayGoOn());
    if (!mayGoOn()) break;
    standIns.push({ place, sample: next });
  }
  return { bad, standIns, gaps };
}

const tooManyBad = (count: number, last: string, bad: readonly BadSample[]) =>
  new UserError(`${count} images in a row cannot be decoded; the last is ${last}: ${bad.at(-1)?.reason.trim()}`, {
    remedy: 'check that the folder is still there and holds images; damaged ones by the hundred have to be replaced',
  });

async function writeSample(task: DecodeTask, split: ImageSplit, sample: number, care: Care, to: number): Promise<void> {
  const { augment, side, short } = task;
  const geometry = (width: number, height: number) =>
    augment === undefined
      ? evalGeometry(short, side, width, height)
      : trainGeometry(stream(augment.seed, 'augment', augment.epoch, sample), augment.flip, side, width, height);
  const endRead = begin('read');
  const stored = readStored(split.store, split.places?.[sample] ?? sample);
  endRead();
  await writeTransformed(stored, geometry, care, task.out, to);
}
