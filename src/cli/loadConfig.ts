/** A config as the command line gives it. */
import { loadExperiment, type Loaded, type LoadOptions } from '../config/load.ts';

export const loadConfig = (path: string, options: LoadOptions = {}): Promise<Loaded> => loadExperiment(path, options);
