/** What the environment says. An empty variable counts as unset: `RANGER21_RUNS_DIR=` must not mean the working folder. */
import { homedir, userInfo } from 'node:os';

export const variable = (name: string): string | undefined => process.env[name] || undefined;

/** The user's home folder; Node takes an empty HOME for a folder of that name. */
export const homeFolder = (): string => homedir() || userInfo().homedir;
