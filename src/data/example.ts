/**
 * The fields of a `tf.train.Example`, read without copying what is long: Features (field 1) → map entries (1: key, 2: Feature) → Feature
 * (1: bytes list, 2: floats, 3: integers), each list with its values in field 1.
 *
 * Reference: tensorflow/core/example/{example,feature}.proto; Protocol Buffers, "Encoding".
 */
import type { UserError } from '../errors.ts';
import type { Window } from './images/fileWindow.ts';

interface Span {
  readonly start: number;
  readonly end: number;
}

/** The first value of each field: where its bytes are in the file, or its integer. */
export interface Example {
  readonly bytes: ReadonlyMap<string, Span>;
  readonly integers: ReadonlyMap<string, number>;
}

const longestKey = 200;

export function exampleFields(
  window: Window,
  start: number,
  end: number,
  refuse: (what: string) => UserError,
): Example {
  const bytes = new Map<string, Span>();
  const integers = new Map<string, number>();

  const varint = (at: number, limit: number): { value: number; next: number } => {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      if (at + i >= limit) throw refuse('a number runs past the end of its field');
      const byte = window.read(at + i, 1)[0] as number;
      value += (byte & 127) * 2 ** (7 * i);
      if (byte < 128) return { value, next: at + i + 1 };
    }
    throw refuse('a number has more than ten bytes');
  };

  /** Every field between two places: its number, and where its value is; numbers of fixed length are passed over. */
  function* fields(from: number, to: number): Generator<{ field: number; wire: number; value: number } & Span> {
    for (let at = from; at < to;) {
      const tag = varint(at, to);
      const [field, wire] = [Math.floor(tag.value / 8), tag.value % 8];
      if (wire === 0) {
        const { value, next } = varint(tag.next, to);
        yield { field, wire, value, start: tag.next, end: next };
        at = next;
        continue;
      }
      const length = wire === 2 ? varint(tag.next, to) : { value: fixedLength(wire), next: tag.next };
      const stop = length.next + length.value;
      if (stop > to) throw refuse(`a field of ${length.value} bytes runs past the end of what holds it`);
      yield { field, wire, value: 0, start: length.next, end: stop };
      at = stop;
    }
  }
  const fixedLength = (wire: number): number => {
    if (wire === 1) return 8;
    if (wire === 5) return 4;
    throw refuse(`it is no protocol buffer: wire type ${wire}`);
  };

  const readFeature = (key: string, { start, end }: Span) => {
    for (const list of fields(start, end)) {
      if (list.wire !== 2) continue;
      for (const value of fields(list.start, list.end)) {
        if (value.field !== 1) continue;
        if (list.field === 1 && value.wire === 2) bytes.set(key, { start: value.start, end: value.end });
        if (list.field === 3) integers.set(key, value.wire === 0 ? value.value : varint(value.start, value.end).value);
        break;
      }
    }
  };

  for (const features of fields(start, end)) {
    if (features.field !== 1 || features.wire !== 2) continue;
    for (const entry of fields(features.start, features.end)) {
      if (entry.field !== 1 || entry.wire !== 2) continue;
      let key = '';
      let feature: Span | undefined; // may come before the key
      for (const part of fields(entry.start, entry.end)) {
        if (part.wire !== 2) continue;
        if (part.field === 1) {
          if (part.end - part.start > longestKey)
            throw refuse(`the name of a feature has ${part.end - part.start} bytes`);
          key = window.read(part.start, part.end - part.start).toString();
        } else if (part.field === 2) feature = part;
      }
      if (feature) readFeature(key, feature);
    }
  }
  return { bytes, integers };
}
