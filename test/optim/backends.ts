/** The backends that every optimizer test runs on, and which of them cannot run here. */
import { loadBackend, type BackendName } from '../../src/tensor/backends/registry.ts';
import type { Backend } from '../../src/tensor/compile.ts';

const required = (process.env['RANGER21_REQUIRE'] ?? '').split(',');

async function find(name: BackendName): Promise<{ name: BackendName; backend: Backend | undefined }> {
  let reason: string;
  try {
    const backend = await loadBackend(name);
    const found = await backend.probe();
    if (found.usable) return { name, backend };
    reason = found.reason;
  } catch (error) {
    reason = (error as Error).message;
  }
  if (required.includes(name)) throw new Error(`RANGER21_REQUIRE asks for ${name}, which cannot run here: ${reason}`);
  console.log(`skipping the ${name} backend: ${reason}`);
  return { name, backend: undefined };
}

const found = [await find('cpu'), await find('onnx')];

/** Those that can run here. */
export const usable = found.flatMap(({ name, backend }) => (backend ? [{ name, backend }] : []));
