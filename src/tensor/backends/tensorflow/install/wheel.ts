/** What is taken out of TensorFlow's and NVIDIA's wheels. */
import { chmod, mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import type { Progress } from './install.ts';
import { contentOf, unpack, unpackTo, zipMembers, type Member } from './zip.ts';

/** The version in a wheel's name. */
export const wheelVersion = (name: string): string | undefined =>
  /^tensorflow(?:_\w+)?-([^-]+)-.*\.whl$/.exec(name)?.[1];

/** A place below the folder it is unpacked to, whatever separates folders there. */
const staysInside = (name: string): boolean => !name.includes('\\') && !name.split('/').includes('..');

const isLibrary = ({ name }: Member): boolean => staysInside(name) && isLibraryName(name);

const isLibraryName = (name: string): boolean =>
  /^tensorflow\/libtensorflow_(cc|framework)(\.so(\.\d+)*|(\.\d+)*\.dylib)$/.test(name) ||
  // what TensorFlow opens by name at run time, and what XLA needs to compile for a GPU
  /^nvidia\/[^/]+\/lib\/[^/]+\.so[.\d]*$/.test(name) ||
  /^nvidia\/cuda_nvcc\/(bin\/ptxas|nvvm\/libdevice\/[^/]+)$/.test(name);

const isProgram = (name: string): boolean => name.split('/').at(-2) === 'bin';

/** SHA-256 in hex of each file, as the wheel itself records it. */
async function recordOf(path: string, members: readonly Member[]): Promise<Map<string, string>> {
  const member = members.find(({ name }) => /^[^/]+\.dist-info\/RECORD$/.test(name));
  if (!member) throw new Error('it has no RECORD of its files');
  const lines = (await contentOf(path, member)).toString('utf8').split('\n');
  return new Map(
    lines.flatMap((line) => {
      const match = /^(.*),sha256=([\w-]+),\d*\r?$/.exec(line);
      return match
        ? [[match[1]!.replace(/^"(.*)"$/, '$1'), Buffer.from(match[2]!, 'base64url').toString('hex')] as const]
        : [];
    }),
  );
}

/**
 * Unpacks the shared libraries of a wheel after checking all of it: the libraries against the SHA-256 in the wheel's
 * RECORD, everything else against its CRC-32. With `keepFolders` files keep their place in the wheel, because the CUDA
 * libraries are looked for beside TensorFlow's.
 */
export async function unpackWheel(
  path: string,
  target: string,
  keepFolders: boolean,
  progress: Progress,
): Promise<Map<string, string>> {
  const members = await zipMembers(path);
  const record = await recordOf(path, members);
  const written = new Map<string, string>();
  progress.start(
    basename(path),
    members.reduce((total, { size }) => total + size, 0),
  );
  for (const member of members) {
    const advance = (count: number) => progress.advance(count);
    if (!isLibrary(member)) {
      await unpack(path, member, new Writable({ write: (_chunk, _encoding, done) => done() }), advance);
      continue;
    }
    const name = keepFolders ? member.name : basename(member.name);
    const file = join(target, name);
    await mkdir(dirname(file), { recursive: true });
    const sha256 = await unpackTo(path, member, file, advance);
    if (sha256 !== record.get(member.name)) throw new Error(`${member.name} does not match the SHA-256 in its RECORD`);
    if (isProgram(name)) await chmod(file, 0o755); // XLA starts it
    written.set(name, sha256);
  }
  progress.end();
  return written;
}

/** The NVIDIA packages a TensorFlow wheel names for its extra `and-cuda`, as pip requirements. */
export async function cudaRequirements(path: string): Promise<string[]> {
  const member = (await zipMembers(path)).find(({ name }) => /^[^/]+\.dist-info\/METADATA$/.test(name));
  const lines = member ? (await contentOf(path, member)).toString('utf8').split('\n') : [];
  return lines.flatMap((line) => {
    const match = /^Requires-Dist: ([\w.-]+) *\(?([^;)]*)\)? *; *extra *== *["']and-cuda["']/.exec(line);
    return match ? [`${match[1]!}${match[2]!.trim()}`] : [];
  });
}
