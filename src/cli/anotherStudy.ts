/** The command that trains a study under a name of its own, where the folder of its name holds another. */
import { existsSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { variable } from '../environment.ts';

interface Asked {
  readonly runs: string;
  readonly study?: string | undefined;
  readonly disable?: readonly string[] | undefined;
  readonly addOneIn?: boolean | undefined;
  readonly seeds?: number | undefined;
  readonly set?: readonly string[] | undefined;
}

/** What to do where the study of this name was planned differently. */
export const anotherStudy = (asked: Asked, planned: string): string =>
  'arms and seeds may be added to it; train anything else as a study of its own:\n' +
  `    ${renamed(process.argv.slice(2), freeName(asked, planned))}`;

/** `ablation-agc` after `--disable agc`; with a number where there is such a folder, or nothing to be named after. */
function freeName({ runs, study, disable = [], addOneIn, seeds, set = [] }: Asked, planned: string): string {
  const arms = [...disable, ...(addOneIn ? ['add-one-in'] : [])].join('-');
  const last = set.at(-1)?.replace(/^.*?([^.=]*=)/, '$1'); // optimizer.lr=0.01 → lr=0.01
  const what = arms || (seeds === undefined ? (last ?? '') : `${seeds}-seeds`);
  const suffix = what.replaceAll(/[^\w.]+/g, '-').replaceAll(/^-|-$/g, '');
  const isShort = suffix !== '' && suffix.length <= 40;
  const name = study ?? (isShort ? `${planned}-${suffix}` : planned).slice(0, 90);
  for (let n = 1; ; n++) {
    const candidate = n === 1 ? name : `${name}-${n}`;
    if (candidate !== planned && !existsSync(join(runs, candidate))) return candidate;
  }
}

/** The command line with this study's name instead of its own. */
function renamed(args: readonly string[], name: string): string {
  const kept = args.filter((arg, i) => args[i - 1] !== '--study' && arg !== '--study' && !arg.startsWith('--study='));
  const end = kept.includes('--') ? kept.indexOf('--') : kept.length;
  return [program(), ...kept.toSpliced(end, 0, '--study', name).map(quoted)].join(' ');
}

/** How this program was started. */
function program(): string {
  const script = process.argv[1]!;
  const event = variable('npm_lifecycle_event');
  if (event !== undefined && variable('npm_lifecycle_script')?.includes('cli/main')) {
    return event === 'start' ? 'npm start --' : `npm run ${event} --`;
  }
  if (basename(script) !== 'ranger21') return `node ${quoted(relative(process.cwd(), script) || script)}`;
  return variable('npm_command') === 'exec' ? 'npx ranger21' : 'ranger21';
}

/** An argument as a shell reads it back. */
function quoted(argument: string): string {
  if (/^[\w@%+=:,./-]+$/.test(argument)) return argument;
  if (process.platform === 'win32') return `"${argument.replaceAll('"', '\\"')}"`;
  return `'${argument.replaceAll("'", String.raw`'\''`)}'`;
}
