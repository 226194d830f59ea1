/** What a session promises: state on the worker, programs over it, errors with names, a process that ends. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import typescript from 'typescript';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { backend as cpu } from '../../src/tensor/backends/cpu/backend.ts';
import { backend as onnx } from '../../src/tensor/backends/onnx/backend.ts';
import { hostScalar, scalarSpec, type HostTensor, type HostTensors, type Session } from '../../src/tensor/compile.ts';
import {
  add,
  conv2d,
  mapTensors,
  matMul,
  mean,
  mul,
  relu,
  reshape,
  square,
  sub,
  sum,
  tensor,
  valueAndGrad,
  type Tensor,
} from '../../src/tensor/ops.ts';

const vector = (...values: number[]): HostTensor => ({ shape: [values.length], data: Float32Array.from(values) });
const list = (x: HostTensor | undefined): number[] => [...x!.data];

const opened: Session[] = [];
async function open(state: HostTensors, threads = 1): Promise<Session> {
  const session = await onnx.open(state, { threads });
  opened.push(session);
  return session;
}
afterAll(() => Promise.all(opened.map((session) => session.close().catch(() => undefined))));

describe('probe', () => {
  test('says what it found', async () => {
    expect(await onnx.probe()).toMatchObject({ usable: true, devices: expect.arrayContaining(['cpu']) as unknown });
  });
  test('a device it does not know is an error with a remedy', async () => {
    await expect(onnx.open({}, { device: 'tpu' })).rejects.toMatchObject({
      message: expect.stringContaining('tpu') as unknown,
    });
  });
});

describe('probe without a binary', () => {
  afterAll(() => {
    vi.doUnmock('onnxruntime-node');
    vi.resetModules();
  });
  test('says why and what to do', async () => {
    vi.resetModules();
    vi.doMock('onnxruntime-node', () => {
      throw new Error('onnxruntime_binding.node: cannot open shared object file');
    });
    const { backend } = await import('../../src/tensor/backends/onnx/backend.ts');
    const found = await backend.probe();
    expect(found).toMatchObject({
      usable: false,
      remedy: expect.stringContaining('ONNXRUNTIME_NODE_INSTALL=skip') as unknown,
    });
    await expect(backend.open({}, {})).rejects.toMatchObject({ name: 'UserError', code: 6 });
  });
});

describe('state', () => {
  test('a program replaces what it returns and leaves the rest', async () => {
    const session = await open({ a: vector(1, 2), b: vector(10, 20) });
    const step = await session.compile(
      'step',
      ({ a, b }, { x }) => ({ state: { a: add(a!, x!) }, outputs: { b: b! } }),
      { x: scalarSpec },
    );
    for (let i = 0; i < 3; i++) expect(list((await step({ x: hostScalar(5) }))['b'])).toEqual([10, 20]);
    const state = await session.read();
    expect(list(state['a'])).toEqual([16, 17]);
    expect(list(state['b'])).toEqual([10, 20]);
  });

  test('entries change places without a copy going stale', async () => {
    const session = await open({ last: vector(1), beforeLast: vector(2) });
    const step = await session.compile(
      'momentum',
      ({ last, beforeLast }) => ({ state: { last: add(mul(beforeLast!, 10), last!), beforeLast: last! }, outputs: {} }),
      {},
    );
    // (1, 2) → (21, 1) → (31, 21) → (241, 31)
    for (let i = 0; i < 3; i++) await step({});
    const state = await session.read();
    expect([list(state['last']), list(state['beforeLast'])]).toEqual([[241], [31]]);
  });

  test('two entries may receive one tensor, and part ways afterwards', async () => {
    const session = await open({ fast: vector(4, 8), slow: vector(0, 0) });
    const merge = await session.compile(
      'merge',
      ({ fast, slow }) => {
        const middle = mul(add(fast!, slow!), 0.5);
        return { state: { fast: middle, slow: middle }, outputs: { middle } };
      },
      {},
    );
    const step = await session.compile('step', ({ fast }) => ({ state: { fast: add(fast!, 1) }, outputs: {} }), {});
    expect(list((await merge({}))['middle'])).toEqual([2, 4]);
    for (let i = 0; i < 3; i++) await step({});
    const state = await session.read();
    expect([list(state['fast']), list(state['slow'])]).toEqual([
      [5, 7],
      [2, 4],
    ]);
    await merge({});
    expect(list((await session.read(['slow']))['slow'])).toEqual([3.5, 5.5]);
  });

  test('an entry handed to another one is shared until either is written', async () => {
    const session = await open({ a: vector(1), b: vector(2) });
    const copy = await session.compile('copy', ({ a }) => ({ state: { b: a! }, outputs: {} }), {});
    const grow = await session.compile('grow', ({ a }) => ({ state: { a: mul(a!, 3) }, outputs: {} }), {});
    await copy({});
    await grow({});
    await grow({});
    const state = await session.read();
    expect([list(state['a']), list(state['b'])]).toEqual([[9], [1]]);
  });

  test('an untouched entry, an argument and a constant may be returned', async () => {
    const session = await open({ a: vector(1, 2), b: vector(0, 0), c: vector(0, 0) });
    const step = await session.compile(
      'step',
      ({ a }, { x }) => ({ state: { a: a!, b: x!, c: tensor([7, 8], [2]) }, outputs: { x: x!, y: x!, a: a! } }),
      { x: { shape: [2], dtype: 'float32' } },
    );
    const outputs = await step({ x: vector(5, 6) });
    expect([outputs['x'], outputs['y'], outputs['a']].map(list)).toEqual([
      [5, 6],
      [5, 6],
      [1, 2],
    ]);
    const state = await session.read();
    expect([state['a'], state['b'], state['c']].map(list)).toEqual([
      [1, 2],
      [5, 6],
      [7, 8],
    ]);
  });

  test('kernels are read and written as HWIO, whatever lies on the device', async () => {
    const kernel = { shape: [2, 3, 4, 5], data: Float32Array.from({ length: 120 }, (_, i) => i) };
    const session = await open({ kernel, sum: { shape: [4, 5], data: new Float32Array(20) } });
    expect((await session.read(['kernel']))['kernel']).toEqual(kernel);
    const step = await session.compile(
      'step',
      ({ kernel }) => ({ state: { sum: sum(kernel!, [0, 1]) }, outputs: { kernel: kernel! } }),
      {},
    );
    expect((await step({}))['kernel']).toEqual(kernel);
    // over the 6 places of [2, 3]: Σ (20p + j) = 300 + 6j
    expect(list((await session.read(['sum']))['sum'])).toEqual(Array.from({ length: 20 }, (_, j) => 300 + 6 * j));
    await session.write({ kernel: { shape: kernel.shape, data: kernel.data.map((x) => -x) } });
    expect(list((await session.read())['kernel'])).toEqual([...kernel.data].map((x) => -x));
  });

  test('what was handed in and out is the caller’s', async () => {
    const a = vector(1, 2);
    const session = await open({ a });
    const x = vector(3, 4);
    const step = await session.compile('step', ({ a }, { x }) => ({ state: { a: add(a!, x!) }, outputs: { x: x! } }), {
      x: { shape: [2], dtype: 'float32' },
    });
    const first = await step({ x });
    first['x']!.data.fill(0);
    await step({ x });
    expect([list(a), list(x)]).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(list((await session.read())['a'])).toEqual([7, 10]);
  });

  test('calls run in the order made', async () => {
    const session = await open({ a: vector(1) });
    const double = await session.compile('double', ({ a }) => ({ state: { a: mul(a!, 2) }, outputs: { a: a! } }), {});
    const increase = await session.compile(
      'increase',
      ({ a }) => ({ state: { a: add(a!, 1) }, outputs: { a: a! } }),
      {},
    );
    const calls = [
      double({}),
      increase({}),
      session.read(),
      double({}),
      session.write({ a: vector(-1) }),
      increase({}),
    ];
    const results = (await Promise.all(calls)) as HostTensors[];
    expect([0, 1, 2, 3, 5].map((i) => list(results[i]!['a'])[0])).toEqual([1, 2, 3, 3, -1]);
  });

  test('int32 entries and arguments', async () => {
    const count = { shape: [], data: Int32Array.of(3) };
    const session = await open({ count });
    const step = await session.compile(
      'step',
      ({ count }, { by }) => ({ state: { count: add(count!, by!) }, outputs: { count: count! } }),
      { by: { shape: [], dtype: 'int32' } },
    );
    expect((await step({ by: { shape: [], data: Int32Array.of(4) } }))['count']).toEqual(count);
    expect((await session.read())['count']).toEqual({ shape: [], data: Int32Array.of(7) });
  });
});

describe('errors', () => {
  let session: Session;
  beforeAll(async () => {
    session = await open({ a: vector(1, 2) });
  });

  test('an argument of the wrong shape, type or name', async () => {
    const run = await session.compile('shift', ({ a }, { x }) => ({ outputs: { y: add(a!, x!) } }), {
      x: { shape: [2], dtype: 'float32' },
    });
    await expect(run({ x: vector(1, 2, 3) })).rejects.toThrow('shift: input x must be float32 [2], got float32 [3]');
    await expect(run({ x: { shape: [2], data: Int32Array.of(1, 2) } })).rejects.toThrow('got int32 [2]');
    await expect(run({})).rejects.toThrow('got nothing');
    expect(list((await run({ x: vector(1, 1) }))['y'])).toEqual([2, 3]);
  });

  test('state of a wrong shape or name', async () => {
    const wrong = (f: (a: Tensor) => Record<string, Tensor>) =>
      session.compile('bad', ({ a }) => ({ state: f(a!), outputs: {} }), {});
    await expect(wrong((a) => ({ a: sum(a) }))).rejects.toThrow(
      'bad: returns state a as float32 [], it is float32 [2]',
    );
    await expect(wrong((a) => ({ b: a }))).rejects.toThrow('bad: returns state b, which the session does not have');
    await expect(session.write({ a: vector(1) })).rejects.toThrow('input a must be float32 [2]');
    await expect(session.read(['b'])).rejects.toThrow('no state entry b');
  });

  test('a tensor read while tracing', async () => {
    await expect(
      session.compile('peek', ({ a }) => ({ outputs: { a: mul(a!, a!.dataSync()[0]!) } }), {}),
    ).rejects.toThrow('peek: a program must not read a tensor');
  });

  test('an operation that has no kernel is named', async () => {
    const { topk } = await import('@tensorflow/tfjs');
    await expect(session.compile('top', ({ a }) => ({ outputs: { top: topk(a!, 1).values } }), {})).rejects.toThrow(
      /top: Kernel 'TopK'/,
    );
  });

  test('after closing, every call says so', async () => {
    const short = await onnx.open({ a: vector(1) }, {});
    const run = await short.compile('run', ({ a }) => ({ outputs: { a: a! } }), {});
    await short.close();
    await expect(run({})).rejects.toThrow('the session is closed');
  });
});

/** A two-layer network trained by plain descent: enough to reach convolutions, products and reductions. */
const network: HostTensors = {
  kernel: { shape: [3, 3, 3, 16], data: Float32Array.from({ length: 432 }, (_, i) => Math.sin(i)) },
  weights: { shape: [16 * 256, 8], data: Float32Array.from({ length: 16 * 256 * 8 }, (_, i) => Math.cos(i) / 64) },
};
const images = { shape: [8, 16, 16, 3], data: Float32Array.from({ length: 8 * 768 }, (_, i) => Math.sin(3 * i)) };
async function train(threads: number, steps: number): Promise<HostTensors> {
  const session = await open(network, threads);
  const step = await session.compile(
    'train',
    (state, { images }) => {
      const { loss, grads } = valueAndGrad(({ kernel, weights }) => {
        const hidden = reshape(relu(conv2d(images!, kernel!, 1, 'same')), [8, -1]);
        return { loss: mean(square(matMul(hidden, weights!))), aux: {} };
      }, state);
      return { state: mapTensors((x, g) => sub(x, mul(g, 0.01)), state, grads), outputs: { loss } };
    },
    { images: { shape: images.shape, dtype: 'float32' } },
  );
  for (let i = 0; i < steps; i++) await step({ images });
  return session.read();
}

test('one thread and two give the same bits', async () => {
  expect(await train(2, 5)).toEqual(await train(1, 5));
});

test('500 steps, several programs: memory stays', async () => {
  const size = 1 << 20; // 4 MiB an entry
  const session = await open({
    a: { shape: [size], data: new Float32Array(size) },
    b: { shape: [size], data: new Float32Array(size) },
  });
  const step = await session.compile(
    'step',
    ({ a, b }, { x }) => ({ state: { a: add(a!, x!), b: a! }, outputs: { s: sum(b!) } }),
    { x: scalarSpec },
  );
  const merge = await session.compile(
    'merge',
    ({ a }) => ({ state: { b: mul(a!, 0.5), a: mul(a!, 0.5) }, outputs: {} }),
    {},
  );
  const look = await session.compile('look', ({ a }) => ({ outputs: { first: sum(a!) } }), {});
  const run = async (steps: number) => {
    for (let i = 0; i < steps; i++) {
      await step({ x: hostScalar(1) });
      if (i % 5 === 4) await merge({});
      if (i % 50 === 0) await look({});
    }
  };
  await run(50); // buffers reach their number
  const before = process.memoryUsage().rss;
  await run(500);
  // a buffer leaked in each step would be 2 GiB
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 2 ** 20);
});

test('the main thread is free while a program runs', async () => {
  const n = 1536;
  const session = await open({ a: { shape: [n, n], data: new Float32Array(n * n).fill(1e-3) } });
  const product = await session.compile(
    'product',
    ({ a }) => ({ state: { a: matMul(matMul(a!, a!), a!) }, outputs: {} }),
    {},
  );
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  await product({});
  clearInterval(timer);
  expect(turns).toBeGreaterThan(3); // 14 GFLOP take tens of milliseconds at least
});

test('a script that leaves its session open still ends', async () => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((file) => /^(errors|spans|tensor\/[^/]+|tensor\/backends\/onnx\/.+)\.(ts|js)$/.test(file))
    .map((file) => `src/${file}`);
  // the sources as JavaScript beside node_modules, as an installed package would have them
  const folder = mkdtempSync('node_modules/.onnx-exit-');
  try {
    for (const file of sources) {
      const code = readFileSync(file, 'utf8');
      const target = join(folder, file.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(
        target,
        file.endsWith('.ts') ? typescript.transpileModule(code, { compilerOptions }).outputText : code,
      );
    }
    const script = `
      import { backend } from './${folder}/src/tensor/backends/onnx/backend.js';
      import { mul } from './${folder}/src/tensor/ops.js';
      const session = await backend.open({ a: { shape: [1], data: Float32Array.of(4) } }, {});
      const run = await session.compile('double', ({ a }) => ({ outputs: { a: mul(a, 2) } }), {});
      console.log((await run({})).a.data[0]);`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
      timeout: 30_000,
    });
    expect(stdout).toBe('8\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
const compilerOptions = {
  target: typescript.ScriptTarget.ES2023,
  module: typescript.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  rewriteRelativeImportExtensions: true,
};

test('the oracle gives the same trajectory', async () => {
  const program = ({ w }: Record<string, Tensor>, { x }: Record<string, Tensor>) => ({
    state: { w: sub(w!, mul(matMul(x!, matMul(x!, w!)), 0.1)) },
    outputs: { norm: sum(mul(w!, w!)) },
  });
  const state = { w: { shape: [3, 2], data: Float32Array.from([1, -2, 3, -4, 5, -6]) } };
  const x = { shape: [3, 3], data: Float32Array.from([1, 0.5, 0, 0.5, 1, 0.25, 0, 0.25, 1]) };
  const results = await Promise.all(
    [cpu, onnx].map(async (on) => {
      const session = await on.open(state, { threads: 1 });
      const run = await session.compile('descend', program, { x: { shape: [3, 3], dtype: 'float32' } });
      const norms: number[] = [];
      for (let i = 0; i < 10; i++) norms.push(list((await run({ x }))['norm'])[0]!);
      await session.close();
      return norms;
    }),
  );
  results[1]!.forEach((norm, i) => expect(Math.abs(norm / results[0]![i]! - 1)).toBeLessThan(1e-5));
});
