// The inner loops of src/data/images/resample.ts in AssemblyScript: a separable filter over interleaved RGB bytes, with the arithmetic of
// Pillow's 8-bit resize (coefficients of 22 fractional bits, each pass rounded to bytes), on 128-bit vectors.
// `node test/fixtures/resampleKernel.js` compiles it into resampleKernel.ts with the npm package assemblyscript.

const half: i32 = 1 << 21;

/**
 * One row of `width` RGB pixels out of one row of the source. `bounds` holds the first source column and the number of taps of
 * each output column, `weights` its `most` coefficients. Reads one byte past the last tap and writes one past the last pixel.
 */
export function horizontal(source: usize, out: usize, rows: i32, sourceStride: i32, outStride: i32, width: i32, bounds: usize, weights: usize, most: i32): void {
  for (let y = 0; y < rows; y++) {
    const row = source + <usize>(y * sourceStride);
    let to = out + <usize>(y * outStride);
    for (let x = 0; x < width; x++) {
      const first = load<i32>(bounds + <usize>(8 * x));
      const taps = load<i32>(bounds + <usize>(8 * x), 4);
      let from = row + <usize>(3 * first);
      let weight = weights + <usize>(4 * most * x);
      let sum = i32x4.splat(half);
      for (let k = 0; k < taps; k++) {
        const pixel = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(from)));
        sum = i32x4.add(sum, i32x4.mul(pixel, v128.load32_splat(weight)));
        from += 3;
        weight += 4;
      }
      const words = i16x8.narrow_i32x4_s(i32x4.shr_s(sum, 22), i32x4.splat(0));
      v128.store32_lane(to, i8x16.narrow_i16x8_u(words, words), 0);
      to += 3;
    }
  }
}

/** `height` rows of `stride` bytes (a multiple of 16) out of the rows of the source, which have the same stride. */
export function vertical(source: usize, out: usize, stride: i32, height: i32, bounds: usize, weights: usize, most: i32): void {
  for (let y = 0; y < height; y++) {
    const first = load<i32>(bounds + <usize>(8 * y));
    const taps = load<i32>(bounds + <usize>(8 * y), 4);
    const rows = source + <usize>(first * stride);
    const row = weights + <usize>(4 * most * y);
    const to = out + <usize>(y * stride);
    for (let x = 0; x < stride; x += 16) {
      let a = i32x4.splat(half);
      let b = i32x4.splat(half);
      let c = i32x4.splat(half);
      let d = i32x4.splat(half);
      let from = rows + <usize>x;
      let weight = row;
      for (let k = 0; k < taps; k++) {
        const factor = v128.load32_splat(weight);
        const bytes = v128.load(from);
        const low = i16x8.extend_low_i8x16_u(bytes);
        const high = i16x8.extend_high_i8x16_u(bytes);
        a = i32x4.add(a, i32x4.mul(i32x4.extend_low_i16x8_u(low), factor));
        b = i32x4.add(b, i32x4.mul(i32x4.extend_high_i16x8_u(low), factor));
        c = i32x4.add(c, i32x4.mul(i32x4.extend_low_i16x8_u(high), factor));
        d = i32x4.add(d, i32x4.mul(i32x4.extend_high_i16x8_u(high), factor));
        from += <usize>stride;
        weight += 4;
      }
      const low = i16x8.narrow_i32x4_s(i32x4.shr_s(a, 22), i32x4.shr_s(b, 22));
      const high = i16x8.narrow_i32x4_s(i32x4.shr_s(c, 22), i32x4.shr_s(d, 22));
      v128.store(to + <usize>x, i8x16.narrow_i16x8_u(low, high));
    }
  }
}
