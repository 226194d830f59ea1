/** A config as the command line gives it. */
import { loadExperiment, type Loaded, type LoadOptions } from '../config/load.ts';

export async function loadConfig(path: string, options: LoadOptions = {}): Promise<Loaded> {
  const loaded = await loadExperiment(path, options);
  for (const note of loaded.notes) console.error(note);
  return loaded;
}
