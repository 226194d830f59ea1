/**
 * Counter-based random numbers: a draw is a function of (seed, purpose, epoch, index, position) and of nothing else,
 * so worker count, prefetching and resuming never change one.
 *
 * The generator is Philox4x32-10, checked against the published known answers.
 *
 * Reference: Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, 2011. https://doi.org/10.1145/2063384.2063405
 */

/** What a stream is for; two purposes never share a draw. */
const purposes = {
  init: 1,
  order: 2,
  augment: 3,
  dropout: 4,
  eval: 5,
  synthetic: 6,
  statistics: 7,
  verify: 8,
  search: 9,
} as const;
export type Purpose = keyof typeof purposes;

/** One Philox4x32-10 block: counter (4 words) and key (2 words) to 4 words, all unsigned 32 bit. */
export function philox4x32(counter: readonly number[], key: readonly number[]): [number, number, number, number] {
  let [c0 = 0, c1 = 0, c2 = 0, c3 = 0] = counter;
  let [k0 = 0, k1 = 0] = key;
  for (let round = 0; round < 10; round++) {
    const hi0 = mulHigh(0xd2511f53, c0);
    const lo0 = Math.imul(0xd2511f53, c0);
    const hi1 = mulHigh(0xcd9e8d57, c2);
    const lo1 = Math.imul(0xcd9e8d57, c2);
    [c0, c1, c2, c3] = [hi1 ^ c1 ^ k0, lo1, hi0 ^ c3 ^ k1, lo0];
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  return [c0 >>> 0, c1 >>> 0, c2 >>> 0, c3 >>> 0];
}

/** High 32 bits of the unsigned 64-bit product. */
function mulHigh(a: number, b: number): number {
  const [aLow, aHigh] = [a & 0xffff, a >>> 16];
  const [bLow, bHigh] = [b & 0xffff, b >>> 16];
  const mid = aHigh * bLow + ((aLow * bLow) >>> 16);
  const cross = aLow * bHigh + (mid & 0xffff);
  return (aHigh * bHigh + Math.floor(mid / 0x10000) + Math.floor(cross / 0x10000)) | 0;
}

/** A sequence of draws. */
export interface Stream {
  /** Next 32 random bits, unsigned. */
  bits(): number;
  /** Uniform in [0, 1), 32 bits of resolution. */
  uniform(): number;
  /** Uniform whole number in [0, n), n ≤ 2³²; the bias, below n / 2³², is removed by rejection. */
  below(n: number): number;
  /** Standard normal (Box–Muller, untruncated). */
  normal(): number;
}

/** The stream of one purpose, epoch and index (a sample, or the hash of a name) under a seed. */
export function stream(seed: number, purpose: Purpose, epoch = 0, index = 0): Stream {
  const key = [seed >>> 0, purposes[purpose]];
  const seedHigh = Math.floor(seed / 2 ** 32) >>> 0;
  let block: readonly number[] = [];
  let position = 0;
  let blocks = 0;
  let spare: number | undefined;

  const bits = () => {
    if (position === block.length) {
      block = philox4x32([blocks++, index >>> 0, epoch >>> 0, seedHigh], key);
      position = 0;
    }
    return block[position++] as number;
  };
  const uniform = () => bits() / 2 ** 32;
  const below = (n: number) => {
    const limit = 2 ** 32 - (2 ** 32 % n);
    let draw = bits();
    while (draw >= limit) draw = bits();
    return draw % n;
  };
  const normal = () => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
  return { bits, uniform, below, normal };
}

/** A permutation of 0 … n−1 (Fisher–Yates). */
export function permutation(n: number, draws: Stream): Uint32Array {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = draws.below(i + 1);
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  return order;
}

/** 32-bit FNV-1a hash of a name, for use as a stream's index. */
export function nameIndex(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
