/** `ranger21 setup`: fixtures/tinyWheel.py wrote a wheel and an archive with small libraries, and their SHA-256. */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { setupCommand } from '../../src/cli/commands/setup.ts';
import { install, type InstallOptions } from '../../src/tensor/backends/tensorflow/install/install.ts';
import { cudaRequirements, unpackWheel } from '../../src/tensor/backends/tensorflow/install/wheel.ts';
import { allCandidates, cacheRoot } from '../../src/tensor/backends/tensorflow/locate.ts';

const fixtures = join(import.meta.dirname, '../fixtures');
const wheel = join(fixtures, 'tensorflow_cpu-9.9.9-py3-none-any.whl');
const archive = join(fixtures, 'libtensorflow-cpu-linux-x86_64-9.9.9.tar.gz');
const sums = JSON.parse(readFileSync(join(fixtures, 'tinyWheel.json'), 'utf8')) as Record<string, string>;

const quiet = { start: () => undefined, advance: () => undefined, end: () => undefined };
const options: InstallOptions = { gpu: false, version: '9.9.9', pythonVersion: '3.12' };
const installFrom = (from: string, more: Partial<InstallOptions> = {}) => install({ ...options, from, ...more }, quiet);

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'setup-'));
  vi.stubEnv('XDG_CACHE_HOME', join(scratch, 'cache'));
  vi.stubEnv('RANGER21_LIBTENSORFLOW', undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(scratch, { recursive: true });
});
const inCache = () => (existsSync(cacheRoot()) ? readdirSync(cacheRoot()) : []);

describe('an installation', () => {
  test('from a wheel has the two libraries, and their checksums in its manifest', async () => {
    const { folder, manifest, existing } = await installFrom(wheel);
    expect(existing).toBe(false);
    expect(manifest.version).toBe('9.9.9');
    expect(readdirSync(folder).sort()).toEqual([...Object.keys(sums), 'manifest.json'].sort());
    expect(Object.fromEntries(Object.entries(manifest.files).map(([name, { sha256 }]) => [name, sha256]))).toEqual(
      sums,
    );
  });

  test('from a tar.gz has the files, not the links', async () => {
    const { manifest } = await installFrom(archive);
    expect(manifest.files).toMatchObject({
      'libtensorflow.so.9.9.9': { sha256: sums['libtensorflow_cc.so.2'] },
      'libtensorflow_framework.so.9.9.9': { sha256: sums['libtensorflow_framework.so.2'] },
    });
    expect(Object.keys(manifest.files)).toHaveLength(2);
  });

  test('from a folder copies the libraries', async () => {
    const { folder } = await installFrom(wheel);
    const copy = join(scratch, 'somewhere/lib');
    cpSync(folder, copy, { recursive: true });
    const second = await installFrom(join(scratch, 'somewhere'));
    expect(second.manifest.version).toBe('unversioned');
    expect(Object.keys(second.manifest.files).sort()).toEqual(Object.keys(sums).sort());
    expect((await installFrom(join(scratch, 'somewhere'))).existing).toBe(true);
    writeFileSync(join(copy, 'libtensorflow_cc.so.2'), 'another build');
    expect((await installFrom(join(scratch, 'somewhere'))).existing).toBe(false);
  });

  test('is done once, and again where a file was changed', async () => {
    const { folder } = await installFrom(wheel);
    expect((await installFrom(wheel)).existing).toBe(true);
    writeFileSync(join(folder, 'libtensorflow_framework.so.2'), Buffer.alloc(1500));
    const repaired = await installFrom(wheel);
    expect(repaired.existing).toBe(false);
    expect(repaired.manifest.files['libtensorflow_framework.so.2']?.sha256).toBe(sums['libtensorflow_framework.so.2']);
  });

  test('removes what a setup that was killed left, and nothing of one that runs', async () => {
    mkdirSync(join(cacheRoot(), '.99999999-killed/content'), { recursive: true });
    mkdirSync(join(cacheRoot(), `.${process.ppid}-running`));
    const { folder } = await installFrom(wheel);
    expect(inCache().sort()).toEqual([`.${process.ppid}-running`, basename(folder)].sort());
  });
});

describe('refused, leaving nothing behind', () => {
  const bytes = readFileSync(wheel);
  const at = (text: string) => bytes.indexOf(text);
  test.each([
    ['in a library', at('tensorflow/libtensorflow_cc.so.2') + 1000],
    ['in the smaller library', at('tensorflow/libtensorflow_framework.so.2') + 100],
    ['in a file that is not unpacked', at('# nothing to import')],
    ['in a checksum of its record', at('libtensorflow_cc.so.2,sha256=') + 40],
    ['in a member’s name', at('tensorflow/libtensorflow_cc.so.2') + 3],
  ])('a wheel with one byte changed %s', async (_, position) => {
    const changed = Buffer.from(bytes);
    changed[position]! ^= 1;
    const path = join(scratch, basename(wheel));
    writeFileSync(path, changed);
    await expect(installFrom(path)).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringMatching(/refused/) as string,
    });
    expect(inCache()).toEqual([]);
  });

  test('a truncated wheel and a truncated archive', async () => {
    for (const source of [wheel, archive]) {
      const path = join(scratch, basename(source));
      writeFileSync(path, readFileSync(source).subarray(0, 3000));
      await expect(installFrom(path)).rejects.toThrow(/refused/);
    }
    expect(inCache()).toEqual([]);
  });

  test('a file that is not there, or of another kind, or without the libraries', async () => {
    await expect(installFrom(join(scratch, 'no.whl'))).rejects.toThrow(/no such file/);
    copyFileSync(wheel, join(scratch, 'wheel.rar'));
    await expect(installFrom(join(scratch, 'wheel.rar'))).rejects.toThrow(/neither a wheel/);
    await expect(installFrom(fixtures)).rejects.toThrow(/no libtensorflow/);
    expect(inCache()).toEqual([]);
  });
});

test('without pip the message says what to run where there is one', async () => {
  vi.stubEnv('PATH', scratch);
  await expect(install(options, quiet)).rejects.toMatchObject({
    message: expect.stringContaining('no pip') as string,
    remedy: expect.stringMatching(/pip download .*tensorflow.*==9\.9\.9.*setup --from/) as string,
  });
});

test('the CUDA libraries to fetch are those the wheel names', async () => {
  expect(await cudaRequirements(wheel)).toEqual(['nvidia-cublas-cu12<13.0,>=12.5.3.2', 'nvidia-cudnn-cu12<10.0,>=9.3']);
});

test('NVIDIA’s compiler can be started where it is unpacked, and what else its wheel has stays out', async () => {
  const compiler = join(fixtures, 'nvidia_cuda_nvcc_cu12-9.9.9-py3-none-any.whl');
  const written = await unpackWheel(compiler, scratch, true, quiet);
  const [ptxas, libdevice] = ['nvidia/cuda_nvcc/bin/ptxas', 'nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc'] as const;
  expect([...written.keys()]).toEqual([ptxas, libdevice]);
  expect(statSync(join(scratch, ptxas)).mode & 0o777).toBe(0o755);
  expect(statSync(join(scratch, libdevice)).mode & 0o111).toBe(0);
});

describe('the search order', () => {
  test('lists the cache with its version, after what the user names', async () => {
    const { folder } = await installFrom(wheel);
    vi.stubEnv('RANGER21_LIBTENSORFLOW', join(scratch, 'nowhere'));
    const [named, cached] = await allCandidates();
    expect(named).toMatchObject({ source: 'RANGER21_LIBTENSORFLOW', refused: 'no such file or folder' });
    expect(cached).toMatchObject({
      source: 'cache',
      where: folder,
      version: '9.9.9',
      library: join(folder, 'libtensorflow_cc.so.2'),
    });
    expect(cached?.before).toEqual([join(folder, 'libtensorflow_framework.so.2')]);
  });

  test('does not take an installation that was never finished', async () => {
    const { folder } = await installFrom(wheel);
    rmSync(join(folder, 'manifest.json'));
    expect((await allCandidates())[0]).toMatchObject({
      source: 'cache',
      refused: expect.stringContaining('setup') as string,
    });
  });
});

test('the command prints where it put the libraries', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  await setupCommand().parseAsync(['--from', wheel, '--json'], { from: 'user' });
  const printed = JSON.parse(String(log.mock.calls[0]?.[0])) as { folder: string; version: string; existing: boolean };
  expect(printed).toMatchObject({ version: '9.9.9', existing: false });
  expect(existsSync(join(printed.folder, 'libtensorflow_cc.so.2'))).toBe(true);
  vi.restoreAllMocks();
});
