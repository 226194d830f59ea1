import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { parseSafetensors, readSafetensors, safetensorsPieces } from '../../src/runs/safetensors.ts';
import type { HostTensors } from '../../src/tensor/compile.ts';

/** A Python that can import the safetensors and numpy packages, if there is one. */
const python = [process.env['RANGER21_PYTHON'], 'python3'].find(
  (command) => command && spawnSync(command, ['-c', 'import safetensors.numpy']).status === 0,
);
const required = (process.env['RANGER21_REQUIRE'] ?? '').split(',').includes('safetensors');
if (!python && !required) {
  console.log('skipped: comparing with the safetensors package, because no Python has it with numpy (RANGER21_PYTHON)');
}
function run(program: string, ...args: string[]): unknown {
  const { stdout, stderr, status } = spawnSync(python ?? 'python3', ['-c', program, ...args], { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout);
}

const folder = mkdtempSync(join(tmpdir(), 'ranger21-safetensors-'));
const bytesOf = (tensors: HostTensors): Buffer => Buffer.concat(safetensorsPieces(tensors));

/** Bits in hexadecimal: NaN payloads and the sign of zero count. */
const bits = (tensors: HostTensors) =>
  Object.entries(tensors).map(([name, { shape, data }]) => [
    name,
    data.constructor.name,
    [...shape],
    Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex'),
  ]);

const isBytes = ([, { data }]: [string, HostTensors[string]]) => data instanceof Uint8Array;
const bytesLast = (tensors: HostTensors): HostTensors => {
  const all = Object.entries(tensors);
  return Object.fromEntries([...all.filter((entry) => !isBytes(entry)), ...all.filter(isBytes)]);
};

/** A file with this header, exactly, and this data. */
function file(header: string, data: Uint8Array = new Uint8Array()): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  return Buffer.concat([length, Buffer.from(header), data]);
}

// Written by safetensors 0.8.0: save({'b': np.array([1, -0.0], '<f4'), 'a': np.array([[7]], '<i4'), 'z': np.array(2.5, '<f4')}) and save({}).
const published = Buffer.from(
  'a8000000000000007b2262223a7b226474797065223a22463332222c227368617065223a5b325d2c22646174615f6f666673657473223a5b302c385d7d2c' +
    '227a223a7b226474797065223a22463332222c227368617065223a5b5d2c22646174615f6f666673657473223a5b382c31325d7d2c2261223a7b226474' +
    '797065223a22493332222c227368617065223a5b312c315d2c22646174615f6f666673657473223a5b31322c31365d7d7d202020200000803f00000080' +
    '0000204007000000',
  'hex',
);
const sample: HostTensors = {
  b: { shape: [2], data: Float32Array.of(1, -0) },
  z: { shape: [], data: Float32Array.of(2.5) },
  a: { shape: [1, 1], data: Int32Array.of(7) },
};

describe('the bytes are those of the reference implementation', () => {
  test('for two types, a scalar and a negative zero', () => {
    expect(bytesOf(sample).toString('hex')).toBe(published.toString('hex'));
    expect(bits(parseSafetensors(published, 'x'))).toEqual(bits(sample));
  });
  test('for no tensors at all', () => {
    expect(bytesOf({}).toString('hex')).toBe('08000000000000007b7d202020202020');
    expect(parseSafetensors(bytesOf({}), 'x')).toEqual({});
  });
});

test('bytes come last, so that every other value is aligned', () => {
  const three = { shape: [3], data: Uint8Array.of(1, 2, 255) };
  const saved = bytesOf({ images: three, labels: { shape: [1], data: Int32Array.of(7) } });
  const header =
    '{"labels":{"dtype":"I32","shape":[1],"data_offsets":[0,4]},"images":{"dtype":"U8","shape":[3],"data_offsets":[4,7]}}';
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
  expect(saved).toEqual(file(padded, Uint8Array.of(7, 0, 0, 0, 1, 2, 255)));
  expect(parseSafetensors(saved, 'x')['images']).toEqual(three);
});

test('writing copies no tensor', () => {
  const data = Float32Array.of(1, 2, 3);
  expect(safetensorsPieces({ x: { shape: [3], data } })[1]?.buffer).toBe(data.buffer);
});

describe.skipIf(!python && !required)('the safetensors package', () => {
  const tensors: HostTensors = {
    'params/conv.kernel': {
      shape: [2, 1, 3, 4],
      data: Float32Array.from({ length: 24 }, (_, i) => Math.fround(i / 7 - 1)),
    },
    '7': { shape: [3], data: Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1) },
    'näme "with" \\ 雪': { shape: [], data: Float32Array.of(-0) },
    nothing: { shape: [0, 5], data: new Float32Array(0) },
    bytes: { shape: [3, 1], data: Uint8Array.of(0, 128, 255) },
    odd: { shape: [4], data: new Float32Array(Uint32Array.of(0x7fc12345, 0xffa00001, 0xff800000, 1).buffer) },
  };

  test('reads what we write, bit for bit', () => {
    const path = join(folder, 'ours.safetensors');
    writeFileSync(path, bytesOf(tensors));
    const found = run(
      `import json, sys, safetensors.numpy as s
print(json.dumps({k: [str(v.dtype), list(v.shape), v.tobytes().hex()] for k, v in s.load_file(sys.argv[1]).items()}))`,
      path,
    );
    const expected = bits(tensors).map(([name, type, shape, hex]) => [
      name,
      [String(type).replace('Array', '').toLowerCase(), shape, hex],
    ]);
    expect(found).toEqual(Object.fromEntries(expected));
  });

  test('writes what we read, metadata and all', async () => {
    const path = join(folder, 'theirs.safetensors');
    const expected = run(
      `import json, sys, numpy as np, safetensors.numpy as s
bits = lambda *words: np.array(words, '<u4').view('<f4')
t = {'norms': bits(0x7fc12345, 0x80000000, 0xffa00001), 'w': np.arange(24, dtype='<f4').reshape(2, 3, 4) / 7,
     'count': np.array(-5, '<i4'), 'none': np.zeros((3, 0), '<f4'), 'bytes': np.arange(5, dtype='u1'), '1': np.array([[1], [2]], '<i4'), '__proto__': bits(7)}
s.save_file(t, sys.argv[1], metadata={'format': 'np', '__proto__': 'x'})
print(json.dumps({k: [list(v.shape), v.tobytes().hex()] for k, v in t.items()}))`,
      path,
    ) as Record<string, unknown>;
    const found = await readSafetensors(path);
    expect(Object.fromEntries(bits(found).map(([name, , shape, hex]) => [name, [shape, hex]]))).toEqual(expected);
    expect(found['count']?.data).toBeInstanceOf(Int32Array);
    expect(found['bytes']?.data).toBeInstanceOf(Uint8Array);
    expect(bits(parseSafetensors(readFileSync(path), path))).toEqual(bits(found));
  });

  test('accepts whatever we do: 600 altered files', () => {
    const altered = join(folder, 'altered');
    mkdirSync(altered);
    const files = fc.sample(alteredFile, { numRuns: 600, seed: 21 });
    files.forEach((bytes, i) => writeFileSync(join(altered, `${i}`), bytes));
    const accepted = run(
      `import json, sys, safetensors
def names(path):
    try: return sorted([n, i['shape']] for n, i in safetensors.deserialize(open(path, 'rb').read()))
    except safetensors.SafetensorError: return None
print(json.dumps([names(f'{sys.argv[1]}/{i}') for i in range(int(sys.argv[2]))]))`,
      altered,
      `${files.length}`,
    ) as unknown[];
    let both = 0;
    files.forEach((bytes, i) => {
      const ours = outcome(() => parseSafetensors(bytes, 'x'));
      if (ours instanceof UserError) return;
      both++;
      expect(accepted[i], bytes.toString('latin1')).not.toBeNull();
      const found = Object.entries(ours).map(([name, { shape }]) => [name, shape]);
      expect(Object.fromEntries(accepted[i] as [])).toEqual(Object.fromEntries(found));
    });
    expect(both).toBeGreaterThan(10); // most of them altered in the data alone
  });
});

describe('a file that is not sound is refused, naming what is wrong', () => {
  const tensor = (shape: string, offsets: string, rest = '') =>
    `{"dtype":"F32","shape":${shape},"data_offsets":${offsets}${rest}}`;
  const four = new Uint8Array(4);
  test.each<[string, Uint8Array, string]>([
    ['no bytes', new Uint8Array(), 'it has 0 bytes, too few for a header'],
    ['a header beyond the end', file('{}').subarray(0, 9), 'a header of 2 bytes does not fit in its 9'],
    [
      'a header of 2⁶⁴ − 1',
      new Uint8Array(40).fill(255),
      'a header of 18446744073709551615 bytes does not fit in its 40',
    ],
    ['a header of 10,000,001', file(' '.repeat(10_000_001)), 'a header of 10000001 bytes is longer than 10000000'],
    ['an empty header', file(''), 'it does not start with {'],
    ['a header in front of which is a space', file(' {}'), 'it does not start with {'],
    ['a byte order mark', file('\ufeff{}'), 'it does not start with {'],
    [
      'bytes that are no UTF-8',
      Buffer.concat([file('{"').subarray(0, 8), Buffer.from([123, 200])]),
      'its header is not sound',
    ],
    ['no JSON', file('{"a":'), 'its header is not sound'],
    ['two values', file('{} {}'), 'its header is not sound'],
    [
      'a name given twice',
      file(`{"a":${tensor('[1]', '[0,4]')},"\\u0061":${tensor('[1]', '[0,4]')}}`, four),
      '"a" is there twice',
    ],
    ['a field given twice', file(`{"a":${tensor('[1]', '[0,4]', ',"shape":[1]')}}`, four), '"shape" is there twice'],
    ['an unknown field', file(`{"a":${tensor('[1]', '[0,4]', ',"axes":[1]')}}`, four), '"a" has an unknown "axes"'],
    ['null for a tensor', file('{"a":null}'), '"a" is null, expected an object'],
    ['an array for a tensor', file('{"a":[]}'), '"a" is [], expected an object'],
    ['deep objects', file('{"a":'.repeat(50)), 'it is nested too deeply'],
    ['deep nesting', file(`{"a":${'['.repeat(50)}${']'.repeat(50)}}`), 'it is nested too deeply'],
    [
      'another type',
      file('{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}', new Uint8Array(8)),
      'type "F64", expected F32, I32 or U8',
    ],
    ['no shape', file('{"a":{"dtype":"F32","data_offsets":[0,4]}}', four), '"a" has the shape missing'],
    ['a negative size', file(`{"a":${tensor('[-1]', '[0,4]')}}`, four), '-1 is no whole number'],
    ['a fraction', file(`{"a":${tensor('[1.0]', '[0,4]')}}`, four), '1.0 is no whole number'],
    ['a size beyond 2⁵³', file(`{"a":${tensor('[9007199254740993]', '[0,4]')}}`, four), 'expected sizes'],
    ['a product beyond 2⁵³', file(`{"a":${tensor('[4294967296,4294967296]', '[0,4]')}}`, four), 'lies in 4 bytes'],
    ['an impossible empty shape', file(`{"a":${tensor('[0,4294967296,4294967296]', '[0,0]')}}`), 'lies in 0 bytes'],
    [
      'terabytes',
      file(`{"a":${tensor('[1000000000000]', '[0,4000000000000]')}}`, four),
      'end at byte 4000000000000, its data at 4',
    ],
    ['three offsets', file(`{"a":${tensor('[1]', '[0,4,8]')}}`, four), 'expected two'],
    ['offsets that go back', file(`{"a":${tensor('[0]', '[4,0]')}}`, four), 'lies in -4 bytes'],
    ['a range of another size', file(`{"a":${tensor('[2]', '[0,4]')}}`, four), '"a" of shape [2] lies in 4 bytes'],
    ['a hole', file(`{"a":${tensor('[1]', '[4,8]')}}`, new Uint8Array(8)), '"a" starts at byte 4, expected 0'],
    [
      'an overlap',
      file(`{"a":${tensor('[1]', '[0,4]')},"b":${tensor('[1]', '[0,4]')}}`, four),
      '"b" starts at byte 0, expected 4',
    ],
    ['data that nothing describes', file('{}', four), 'its tensors end at byte 0, its data at 4'],
    ['data cut short', file(`{"a":${tensor('[1]', '[0,4]')}}`, new Uint8Array(3)), 'end at byte 4, its data at 3'],
    ['metadata that is no text', file('{"__metadata__":{"a":[1]}}'), '__metadata__ is not an object of strings'],
  ])('%s', async (_, bytes, reason) => {
    const path = join(folder, 'unsound.safetensors');
    writeFileSync(path, bytes);
    for (const error of [outcome(() => parseSafetensors(bytes, path)), await outcomeOf(readSafetensors(path))]) {
      expect(error).toBeInstanceOf(UserError);
      expect((error as UserError).message).toContain(reason);
      expect((error as UserError).message).toContain(path);
    }
  });

  test('a file that is not there, and a folder', async () => {
    for (const path of [join(folder, 'absent'), folder]) {
      const error = await outcomeOf(readSafetensors(path));
      expect(error).toBeInstanceOf(UserError);
      expect((error as UserError).message).toContain(`${path} cannot be read`);
    }
  });

  test('in the order of the data, the header in any order', () => {
    const bytes = file(
      `{"b":${tensor('[1]', '[4,8]')},"a":${tensor('[1]', '[0,4]')}}`,
      Buffer.from('0000803f00000040', 'hex'),
    );
    expect(bits(parseSafetensors(bytes, 'x'))).toEqual(
      bits({ a: { shape: [1], data: Float32Array.of(1) }, b: { shape: [1], data: Float32Array.of(2) } }),
    );
  });

  test('a header that asks for terabytes gets no memory', async () => {
    const path = join(folder, 'greedy.safetensors');
    const greedy = [
      Buffer.concat([Buffer.from('8096980000000000', 'hex'), Buffer.alloc(64)]), // a header of 10,000,000 bytes
      file(`{"a":${tensor('[1000000000000]', '[0,4000000000000]')}}`),
      file(`{"a":${tensor('[1000000000]', '[0,4000000000]')}}`, four),
    ];
    for (const bytes of greedy) {
      writeFileSync(path, bytes);
      const before = process.memoryUsage().arrayBuffers;
      outcome(() => parseSafetensors(bytes, path));
      await outcomeOf(readSafetensors(path));
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
    }
  });
});

function outcome<T>(read: () => T): T | UserError {
  try {
    return read();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}
const outcomeOf = <T>(read: Promise<T>): Promise<T | UserError> =>
  read.catch((error: unknown) => {
    if (error instanceof UserError) return error;
    throw error;
  });

const tensor = fc
  .record({
    shape: fc.array(fc.nat({ max: 4 }), { maxLength: 4 }),
    kind: fc.constantFrom('float', 'int', 'bytes'),
    words: fc.infiniteStream(fc.nat({ max: 0xffffffff })),
  })
  .map(({ shape, kind, words }) => {
    const size = shape.reduce((product, n) => product * n, 1);
    const { buffer } = Uint32Array.from({ length: size }, () => words.next().value as number);
    if (kind === 'bytes') return { shape, data: new Uint8Array(buffer.slice(0, size)) };
    return { shape, data: kind === 'float' ? new Float32Array(buffer) : new Int32Array(buffer) };
  });
const name = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc.constantFrom('__proto__', 'constructor', 'toString', '0', '10', ''),
);
const someTensors = fc
  .uniqueArray(fc.tuple(name, tensor), { selector: ([key]) => key, maxLength: 6 })
  .map((entries) => Object.fromEntries(entries.filter(([key]) => key !== '__metadata__')) as HostTensors);

/** A sound file with a few bytes replaced, put in, taken out, or repeated; or its end cut off; or more put behind it. */
const alteredFile = fc
  .tuple(
    someTensors,
    fc.array(
      fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        /** Bytes to take out; absent: as many as are put in. */
        remove: fc.option(fc.nat({ max: 3 }), { nil: undefined }),
        insert: fc.oneof(
          fc.uint8Array({ maxLength: 3 }),
          fc.constantFrom(
            ...['0', '9', ',', '[', ']', '{', '}', '"', '-', '.0', ' ', '1e3', 'null', '"a":{},'].map((text) =>
              Buffer.from(text),
            ),
          ),
        ),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([tensors, edits]) =>
    edits.reduce((bytes, { at, insert, remove = insert.length }) => {
      const start = Math.floor(at * bytes.length);
      return Buffer.concat([bytes.subarray(0, start), insert, bytes.subarray(start + remove)]);
    }, bytesOf(tensors)),
  );

describe('properties', () => {
  test('what was written is read, bit for bit and in its order, bytes last', () =>
    fc.assert(
      fc.property(someTensors, (tensors) => {
        const bytes = bytesOf(tensors);
        expect(bytes.readUInt32LE(0) % 8).toBe(0);
        expect(bits(parseSafetensors(bytes, 'x'))).toEqual(bits(bytesLast(tensors)));
      }),
      { numRuns: 500 },
    ));

  test('wherever the file lies in memory', () =>
    fc.assert(
      fc.property(someTensors, fc.nat({ max: 7 }), (tensors, offset) => {
        const bytes = Buffer.concat([new Uint8Array(offset), bytesOf(tensors)]).subarray(offset);
        expect(bits(parseSafetensors(bytes, 'x'))).toEqual(bits(bytesLast(tensors)));
      }),
      { numRuns: 200 },
    ));

  const sizeOf = (tensors: HostTensors) => Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0);
  const isJudged = (bytes: Uint8Array) => {
    const read = outcome(() => parseSafetensors(bytes, 'x'));
    if (!(read instanceof UserError)) expect(sizeOf(read)).toBeLessThan(bytes.length);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
    expect(Object.keys(Object.prototype)).toEqual([]);
  };

  test('random bytes are refused or read', () =>
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), isJudged), { numRuns: 3000 }));

  test('random headers are refused or read', () =>
    fc.assert(
      fc.property(fc.json(), fc.uint8Array({ maxLength: 64 }), (json, data) => isJudged(file(json, data))),
      { numRuns: 3000 },
    ));

  test('altered files are refused or read', () => fc.assert(fc.property(alteredFile, isJudged), { numRuns: 4000 }));

  test('a file cut short is refused', () =>
    fc.assert(
      fc.property(someTensors, fc.double({ min: 0, max: 0.999, noNaN: true }), (tensors, share) => {
        const bytes = bytesOf(tensors);
        expect(
          outcome(() => parseSafetensors(bytes.subarray(0, Math.floor(share * bytes.length)), 'x')),
        ).toBeInstanceOf(UserError);
      }),
      { numRuns: 1000 },
    ));
});
