import { join } from 'node:path';
import { homeFolder, variable } from '../environment.ts';

/** Where the system wants programs to keep what they can make again: XDG_CACHE_HOME where it is set. */
export function userCache(): string {
  const cache = variable('XDG_CACHE_HOME');
  if (cache !== undefined) return cache;
  if (process.platform === 'win32') return variable('LOCALAPPDATA') ?? join(homeFolder(), 'AppData', 'Local');
  return process.platform === 'darwin' ? join(homeFolder(), 'Library', 'Caches') : join(homeFolder(), '.cache');
}
