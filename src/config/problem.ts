/** Everything wrong with a config, told at once. */
import { UserError } from '../errors.ts';
import { codeFrame, placeName, shortened, type Place } from './source.ts';

/** Keys and indices from the root of a config. */
export type Path = readonly (string | number)[];

export interface Problem {
  readonly at: Place;
  readonly path: Path;
  readonly message: string;
}

/** `study.disable[0]` */
export const pathName = (path: Path): string =>
  path.map((key, i) => (typeof key === 'number' ? `[${key}]` : i === 0 ? key : `.${key}`)).join('');

/** More than anybody reads; a hostile text has as many mistakes as characters. */
const mostTold = 50;

/** One error for all problems of a config, in the order of the text they point at. */
export function configError(title: string, problems: readonly Problem[], remedy: string): UserError {
  const order = new Map([...new Set(problems.map(({ at }) => at.source))].map((source, i) => [source, i]));
  const rank = ({ at }: Problem) => order.get(at.source) ?? 0;
  const once = new Map<string, Problem>(); // what two files inherit is found twice
  for (const problem of [...problems].sort((a, b) => rank(a) - rank(b) || a.at.start - b.at.start)) {
    const { at, path, message } = problem;
    const key = [rank(problem), at.start, pathName(path), message].join(' ');
    if (!once.has(key)) once.set(key, problem);
  }
  const told = [...once.values()].slice(0, mostTold).map(({ at, path, message }) => {
    const where = shortened(pathName(path));
    return [`${placeName(at)}  ${where && `${where}: `}${shortened(message, 1_000)}`, ...codeFrame(at)].join('\n');
  });
  const count = once.size === 1 ? '' : `: ${once.size} problems`;
  const rest = once.size > mostTold ? [`… and ${once.size - mostTold} more`] : [];
  return new UserError(`${title}${count}\n${[...told, ...rest].join('\n')}`, { remedy });
}
