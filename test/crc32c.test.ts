import { describe, expect, test } from 'vitest';
import { crc32c } from '../src/crc32c.ts';

describe('CRC-32C', () => {
  // RFC 3720, B.4, and the check value of the catalogues.
  test.each<[string, Uint8Array, number]>([
    ['"123456789"', Buffer.from('123456789'), 0xe3069283],
    ['32 zeros', new Uint8Array(32), 0x8a9136aa],
    ['32 bytes of ones', new Uint8Array(32).fill(255), 0x62a8ab43],
    ['0 … 31', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ['31 … 0', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
  ])('of %s', (_, bytes, expected) => expect(crc32c(bytes)).toBe(expected));
});
