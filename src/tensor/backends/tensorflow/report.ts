/** What `ranger21 doctor` says of this backend: every library looked at, the devices, what a GPU lacks. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { canLoad } from './dlopen.ts';
import { allCandidates, type Candidate } from './locate.ts';
import { findLibrary, startRuntime, type Device } from './runtime.ts';

export interface CandidateReport extends Candidate {
  readonly taken: boolean;
  /** Why it was taken or not. */
  readonly reason: string;
}

/** Every candidate with its version and why it was taken or not. Loads the one that is taken. */
export async function candidateReport(): Promise<CandidateReport[]> {
  const found = await findLibrary();
  const taken = 'api' in found ? found : undefined;
  const reasons = new Map(
    'refused' in found ? found.refused.map(({ candidate: { where }, reason }) => [where, reason]) : [],
  );
  return (await allCandidates()).map((candidate) => {
    if (taken && candidate.library === taken.candidate.library) {
      return { ...candidate, version: taken.api.version, taken: true, reason: 'the first that loads' };
    }
    const reason =
      candidate.refused ?? reasons.get(candidate.where) ?? (taken ? 'an earlier one was taken' : 'not tried');
    return { ...candidate, taken: false, reason };
  });
}

/** What TensorFlow 2.18 to 2.21 open by name for CUDA; without any one of them they register no GPU. */
const cudaLibraries = [
  'libcuda.so.1',
  'libcudart.so.12',
  'libcublas.so.12',
  'libcublasLt.so.12',
  'libcudnn.so.9',
  'libcufft.so.11',
  'libcusolver.so.11',
  'libcusparse.so.12',
  'libnccl.so.2',
];

/** The devices TensorFlow reports, and the CUDA libraries that neither lie beside it nor on the loader's path. Starts TensorFlow; call it where a candidate was taken. */
export async function deviceReport(): Promise<{ devices: readonly Device[]; missingCudaLibraries: readonly string[] }> {
  const { devices, candidate } = await startRuntime({});
  const nvidia = join(dirname(dirname(candidate.library!)), 'nvidia');
  const beside = existsSync(nvidia)
    ? readdirSync(nvidia).flatMap((name) =>
        existsSync(join(nvidia, name, 'lib')) ? readdirSync(join(nvidia, name, 'lib')) : [],
      )
    : [];
  return { devices, missingCudaLibraries: cudaLibraries.filter((name) => !beside.includes(name) && !canLoad(name)) };
}
