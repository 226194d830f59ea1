/** Kills and disk errors inside the writing of a run. `node test/faults/sweep.js` tries all boundaries. */
import { describe, expect, test } from 'vitest';
import { broken, representatives, undisturbed } from './sweep.js';

const { boundaries, expected } = undisturbed();
const chosen = representatives(boundaries);
const find = (operation: string, file: RegExp) =>
  chosen.find((boundary) => boundary.operation === operation && file.test(boundary.file))?.index ?? NaN;

describe('a run that is broken while it writes goes on to the same end', () => {
  test.for([
    ['kill', 'write', /state\.safetensors/],
    ['kill', 'rename', /checkpoints/],
    ['kill', 'write', /metrics\.jsonl/],
    ['kill', 'rename', /result\.json/],
    ['ENOSPC', 'write', /metrics\.jsonl/],
    ['ENOSPC', 'write', /manifest\.json/],
    ['EIO', 'sync', /evals\.jsonl/],
  ] as const)('%s at the %s of %s', ([fault, operation, file]) => {
    const index = find(operation, file);
    expect(index).toBeGreaterThan(0);
    const { wrong } = broken(fault, index, expected);
    expect(wrong).toBeUndefined();
  });

  test.for(['ENOSPC', 'EFBIG'])(
    '%s at the last write of its weights: exit 6, and the same command writes them',
    (fault) => {
      const index = chosen.findLast(
        ({ operation, file }) => operation === 'write' && /state\.safetensors/.test(file),
      )!.index;
      expect(broken(fault, index, expected)).toEqual({ how: 'exit 6', wrong: undefined });
    },
  );
});
