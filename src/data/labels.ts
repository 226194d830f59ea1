import { UserError } from '../errors.ts';

/** Throws where a label is not below the number of classes. */
export function checkLabels(labels: Uint8Array, classes: number, name: string): void {
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] as number;
    if (label >= classes) {
      throw new UserError(`${name}: sample ${i} has label ${label}, expected 0 to ${classes - 1}`, {
        remedy: 'check that the file belongs to this data set, and fetch it again',
      });
    }
  }
}
