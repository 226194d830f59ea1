/** The backends that tests run on, and which of them cannot run here. */
import { backendNames, loadBackend, type BackendName } from '../src/tensor/backends/registry.ts';
import type { Backend } from '../src/tensor/compile.ts';

const required = (process.env['RANGER21_REQUIRE'] ?? '').split(',');

/** Whether something that tests need is missing here, for a reason that is printed; a failure where RANGER21_REQUIRE names it. */
export function isAbsent(name: string, reason: string | undefined): boolean {
  if (reason === undefined) return false;
  if (required.includes(name)) throw new Error(`RANGER21_REQUIRE asks for ${name}, which cannot run here: ${reason}`);
  console.log(`skipping the tests of ${name}: ${reason}`);
  return true;
}

async function find(name: BackendName): Promise<Backend[]> {
  let reason: string;
  try {
    const backend = await loadBackend(name);
    const found = await backend.probe();
    if (found.usable) return [backend];
    reason = found.reason;
  } catch (error) {
    reason = (error as Error).message;
  }
  isAbsent(name, reason);
  return [];
}

/** Those that can run here, the oracle first. */
export const usable: readonly Backend[] = (await Promise.all(backendNames.toReversed().map(find))).flat();

/** Those that compile. */
export const compiling = usable.filter(({ name }) => name !== 'cpu');

export const isMissing = (name: BackendName): boolean => !usable.some((backend) => backend.name === name);
