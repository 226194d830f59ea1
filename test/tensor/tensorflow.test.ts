/** Sessions of the tensorflow backend: state on the device, partial updates, purity, errors, memory, a clean exit. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { engine } from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backend } from '../../src/tensor/backends/tensorflow/backend.ts';
import { dtypes } from '../../src/tensor/backends/tensorflow/capi.ts';
import { attributeTypes } from '../../src/tensor/backends/tensorflow/graph.ts';
import { liveHandles } from '../../src/tensor/backends/tensorflow/handles.ts';
import { infoOf, record, valueOfTensor } from '../../src/tensor/backends/tensorflow/tfjsNode.ts';
import { hostScalar, scalarSpec, type HostTensor, type Session } from '../../src/tensor/compile.ts';
import * as ops from '../../src/tensor/ops.ts';
import { isMissing } from '../backends.ts';

const vector = (...values: number[]): HostTensor => ({ shape: [values.length], data: Float32Array.from(values) });
const listOf = (value: HostTensor | undefined) => [...value!.data];

describe.skipIf(isMissing('tensorflow'))('a session', () => {
  let session: Session;
  const before = liveHandles();
  beforeAll(async () => {
    session = await backend.open(
      { a: vector(1, 2), b: vector(10, 20), n: { shape: [2], data: Int32Array.of(7, 8) } },
      {},
    );
  });
  afterAll(async () => {
    await session.close();
    expect(liveHandles()).toBe(before);
  });

  test('keeps what it was given, int32 included', async () => {
    const { a, n } = await session.read(['a', 'n']);
    expect([listOf(a), listOf(n)]).toEqual([
      [1, 2],
      [7, 8],
    ]);
    expect(n!.data).toBeInstanceOf(Int32Array);
  });

  test('a program changes the entries it returns and no other', async () => {
    const step = await session.compile(
      'step',
      ({ a, b }, { x }) => ({ state: { a: ops.add(a!, ops.mul(b!, x!)) }, outputs: { total: ops.sum(a!) } }),
      { x: scalarSpec },
    );
    expect(listOf((await step({ x: hostScalar(0.5) }))['total'])).toEqual([3]); // of the state before
    expect(listOf((await step({ x: hostScalar(2) }))['total'])).toEqual([18]);
    const { a, b } = await session.read();
    expect([listOf(a), listOf(b)]).toEqual([
      [26, 52],
      [10, 20],
    ]);
  });

  test('two programs share the state, and entries may change places', async () => {
    await session.write({ a: vector(1, 2), b: vector(3, 4) });
    const swap = await session.compile('swap', ({ a, b }) => ({ state: { a: b!, b: a! }, outputs: {} }), {});
    const same = await session.compile(
      'same',
      ({ a }) => ({ state: { a: a!, b: a! }, outputs: { a: a!, again: a! } }),
      {},
    );
    await swap({});
    const { a, b } = await session.read();
    expect([listOf(a), listOf(b)]).toEqual([
      [3, 4],
      [1, 2],
    ]);
    const outputs = await same({});
    expect([listOf(outputs['a']), listOf(outputs['again'])]).toEqual([
      [3, 4],
      [3, 4],
    ]);
    expect(listOf((await session.read())['b'])).toEqual([3, 4]);
  });

  test('calls run in the order made', async () => {
    await session.write({ a: vector(1, 1) });
    const grow = await session.compile(
      'grow',
      ({ a }, { x }) => ({ state: { a: ops.add(ops.mul(a!, 2), x!) }, outputs: {} }),
      {
        x: scalarSpec,
      },
    );
    const calls = [1, 2, 3].map((x) => grow({ x: hostScalar(x) }));
    const read = session.read(['a']); // ((1·2 + 1)·2 + 2)·2 + 3
    await Promise.all(calls);
    expect(listOf((await read)['a'])).toEqual([19, 19]);
  });

  test('a call waits for the one before it, however long that takes', async () => {
    await session.write({ a: vector(1, 1) });
    const side = 1200;
    const x = { shape: [side, side], data: new Float32Array(side * side) };
    const spec = { x: { shape: [side, side], dtype: 'float32' } } as const;
    const slow = await session.compile(
      'slow',
      ({ a }, { x }) => {
        const zero = ops.sum(ops.matMul(ops.matMul(ops.matMul(x!, x!), x!), x!));
        return { state: { a: ops.add(ops.mul(a!, 2), zero) }, outputs: {} };
      },
      spec,
    );
    const quick = await session.compile('quick', ({ a }) => ({ state: { a: ops.add(a!, 1) }, outputs: {} }), {});
    await Promise.all([slow({ x }), quick({})]);
    expect(listOf((await session.read())['a'])).toEqual([3, 3]); // 1·2 + 1
  });

  test('the event loop goes on while a program runs', async () => {
    const side = 1500;
    const work = await session.compile(
      'work',
      (_, { x }) => ({
        outputs: { y: ops.sum(Array.from({ length: 6 }).reduce<ops.Tensor>((y) => ops.matMul(y, x!), x!)) },
      }),
      { x: { shape: [side, side], dtype: 'float32' } },
    );
    let ticks = 0;
    const timer = setInterval(() => ticks++, 2);
    await work({ x: { shape: [side, side], data: new Float32Array(side * side) } });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(5);
  });

  test('variables end with their session', async () => {
    const size = 20_000_000;
    const state = () => ({ w: { shape: [size], data: new Float32Array(size).fill(1) } });
    await (await backend.open(state(), {})).close();
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 10; i++) await (await backend.open(state(), {})).close();
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6); // each takes 80 MB, twice while it is copied
  });

  test('handles and memory stay constant over 1000 calls', async () => {
    const size = 2_000_000;
    const other = await backend.open({ w: { shape: [size], data: new Float32Array(size) } }, {});
    const step = await other.compile(
      'step',
      ({ w }, { x }) => ({ state: { w: ops.add(w!, x!) }, outputs: { m: ops.mean(w!) } }),
      {
        x: scalarSpec,
      },
    );
    const run = async (calls: number) => {
      for (let i = 0; i < calls; i++) await step({ x: hostScalar(1) });
    };
    await run(100);
    const [handles, rss] = [liveHandles(), process.memoryUsage().rss];
    await run(1000);
    expect(liveHandles()).toBe(handles);
    expect(process.memoryUsage().rss - rss).toBeLessThan(100e6); // each call makes 8 MB anew
    expect((await other.read())['w']!.data[0]).toBe(1100);
    await other.close();
  });
});

describe.skipIf(isMissing('tensorflow'))('what a program must not do', () => {
  const open = () => backend.open({ a: vector(1, 2) }, {});

  test('depend on anything but its arguments', async () => {
    const session = await open();
    let t = 1;
    const step = await session.compile(
      'decay',
      ({ a }) => ({ state: { a: ops.mul(a!, 0.5 ** t++) }, outputs: {} }),
      {},
    );
    await step({});
    await expect(step({})).rejects.toThrow(/decay is not a pure function .*3f.*3e/); // 0.5 and 0.25 in memory order
    await session.close();
  });

  test('read a tensor', async () => {
    const session = await open();
    const program = ({ a }: ops.Tensors) => ({ outputs: { a: ops.mul(a!, a!.dataSync()[0]!) } });
    await expect(session.compile('peek', program, {})).rejects.toThrow(/must not read/);
    await session.close();
  });

  test('change the shape of the state', async () => {
    const session = await open();
    const program = ({ a }: ops.Tensors) => ({ state: { a: ops.sum(a!) }, outputs: {} });
    await expect(session.compile('shrink', program, {})).rejects.toThrow(/shrink: state a is float32 \[2\]/);
    await session.close();
  });

  test('a shape mistake names the operation and the shapes', async () => {
    const session = await open();
    // a kernel as the library's own operations are: TensorFlow.js would refuse these shapes before TensorFlow sees them
    const product = ({ x }: ops.Tensors) => {
      const [made] = record(
        'MatMul',
        [{ name: 'T', type: attributeTypes.type, value: dtypes.float32 }],
        [x!, x!].map(valueOfTensor),
        1,
      );
      return { outputs: { y: engine().makeTensorFromTensorInfo(infoOf(made!)) } };
    };
    const compiling = session.compile('net', (_, inputs) => product(inputs), {
      x: { shape: [2, 3], dtype: 'float32' },
    });
    await expect(compiling).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringMatching(/^net: .*MatMul.*\[2,3\], \[2,3\]/) as string,
    });
    await session.close();
  });

  test('outgrow the memory: the message names the batch', async () => {
    const session = await open();
    // 4096⁴ elements: more than any address space
    const axes = [0, 1, 2, 3].map((axis) => Array.from({ length: 4 }, (_, i) => (i === axis ? 4096 : 1)));
    const step = await session.compile(
      'huge',
      (_, { x }) => ({
        outputs: { y: ops.sum(ops.exp(axes.map((shape) => ops.reshape(x!, shape)).reduce((a, b) => ops.add(a, b)))) },
      }),
      { x: { shape: [4096], dtype: 'float32' } },
    );
    const x = { shape: [4096], data: new Float32Array(4096) };
    await expect(step({ x })).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringMatching(/huge: out of memory with a batch of 4096/) as string,
      remedy: expect.stringContaining('batch') as string,
    });
    await session.close();
  });
});

test.skipIf(isMissing('tensorflow'))(
  'a step that fails between its writes leaves a session that takes no more',
  async () => {
    const session = await backend.open({ a: vector(1), b: vector(0) }, {});
    const axes = [0, 1, 2, 3].map((axis) => Array.from({ length: 4 }, (_, i) => (i === axis ? 4096 : 1)));
    const step = await session.compile(
      'torn',
      ({ a }, { x }) => {
        const huge = ops.exp(axes.map((shape) => ops.reshape(x!, shape)).reduce((p, q) => ops.add(p, q)));
        return { state: { a: ops.add(a!, 1), b: ops.reshape(ops.sum(huge), [1]) }, outputs: {} };
      },
      { x: { shape: [4096], dtype: 'float32' } },
    );
    const x = { shape: [4096], data: new Float32Array(4096) };
    await expect(step({ x })).rejects.toThrow(/out of memory/);
    await expect(session.read()).rejects.toThrow(/updated in part/);
    await expect(step({ x })).rejects.toThrow(/updated in part/);
    await session.close();
  },
);

describe.skipIf(isMissing('tensorflow'))('the process', () => {
  test('takes one setting of what TensorFlow fixes for good', async () => {
    const session = await backend.open({}, {});
    await expect(backend.open({}, { threads: 7 })).rejects.toThrow(/threads/);
    await session.close();
  });

  test('refuses a GPU that is not there', async () => {
    await expect(backend.open({}, { device: 'gpu:3' })).rejects.toThrow(
      /gpu:3 was asked for, but TensorFlow .* reports only CPU/,
    );
  });

  test.each(['', 'process.exit(0);', 'void step(inputs);', 'await session.close();'])(
    'exits cleanly after a step: %s',
    async (last) => {
      const folder = await mkdtemp(join('node_modules', '.exit-'));
      try {
        await transpile('src', folder, ['environment.ts', 'errors.ts', 'spans.ts', 'tensor']);
        const script = `
        const { backend } = await import('./tensor/backends/tensorflow/backend.js');
        const { mul } = await import('./tensor/ops.js');
        const session = await backend.open({ a: { shape: [2], data: Float32Array.of(1, 2) } }, {});
        const step = await session.compile('step', ({ a }, { x }) => ({ state: { a: mul(a, x) }, outputs: { a } }),
          { x: { shape: [], dtype: 'float32' } });
        const inputs = { x: { shape: [], data: Float32Array.of(3) } };
        console.log((await step(inputs)).a.data.join());
        ${last}`;
        await writeFile(join(folder, 'main.mjs'), script);
        const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'main.mjs')]); // rejects unless the exit code is 0
        expect(stdout.trim().split('\n').at(-1)).toBe('1,2');
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  );
});

/** Strips the types off source files, so that a bare Node can run them. */
async function transpile(from: string, to: string, names: readonly string[]): Promise<void> {
  const { default: ts } = await import('typescript');
  const compilerOptions = {
    module: ts.ModuleKind.ES2022,
    target: ts.ScriptTarget.ES2023,
    rewriteRelativeImportExtensions: true,
  };
  for (const name of names) {
    for (const file of name.endsWith('.ts')
      ? [name]
      : (await readdir(join(from, name), { recursive: true })).map((f) => join(name, f))) {
      if (!file.endsWith('.ts')) continue;
      const { outputText } = ts.transpileModule(await readFile(join(from, file), 'utf8'), { compilerOptions });
      const target = join(to, file.replace(/ts$/, 'js'));
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, outputText);
    }
  }
}
