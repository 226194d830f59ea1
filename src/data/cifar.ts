import { UserError } from '../errors.ts';
import type { Split } from './dataset.ts';
import { checkLabels } from './labels.ts';

const side = 32;
const plane = side * side;
const imageBytes = 3 * plane;

/**
 * Reads a file of the CIFAR binary version: records of label bytes and 3 × 32 × 32 planes (red, green, blue), turned
 * into [32, 32, 3] pixels. CIFAR-10 has one label byte, CIFAR-100 two, coarse and fine, of which the fine one counts. A
 * file says nowhere how many records it has, so `count` does.
 *
 * Reference: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009, section "binary version" of the data's page.
 */
export function readCifar(
  bytes: Uint8Array,
  layout: { count: number; labelBytes: 1 | 2; classes: number; name: string },
): Split {
  const { count, labelBytes, classes, name } = layout;
  const recordBytes = labelBytes + imageBytes;
  if (bytes.length !== count * recordBytes) {
    const expected = `${count * recordBytes}: ${count} records of ${recordBytes}`;
    throw new UserError(`${name} has ${bytes.length} bytes, expected ${expected}`, {
      remedy: 'the file is cut off or of another format: fetch the binary version of the data set again',
    });
  }

  const images = new Uint8Array(count * imageBytes);
  const labels = new Uint8Array(count);
  let to = 0;
  for (let i = 0; i < count; i++) {
    const red = i * recordBytes + labelBytes;
    labels[i] = bytes[red - 1] as number;
    for (let from = red; from < red + plane; from++) {
      images[to++] = bytes[from] as number;
      images[to++] = bytes[from + plane] as number;
      images[to++] = bytes[from + 2 * plane] as number;
    }
  }
  checkLabels(labels, classes, name);
  return { count, images, labels };
}

/** One split out of several files, in their order. */
export function concatenate(parts: readonly Split[]): Split {
  return {
    count: parts.reduce((sum, part) => sum + part.count, 0),
    images: Buffer.concat(parts.map((part) => part.images)),
    labels: Buffer.concat(parts.map((part) => part.labels)),
  };
}
