/** Everything wrong with a config, told at once. */
import { UserError } from '../errors.ts';
import { codeFrame, placeName, type Place } from './source.ts';

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

/** One error for all problems of a config, in the order of the text they point at. */
export function configError(title: string, problems: readonly Problem[], remedy: string): UserError {
  const sources = [...new Set(problems.map(({ at }) => at.source))];
  const ordered = [...problems].sort(
    (a, b) => sources.indexOf(a.at.source) - sources.indexOf(b.at.source) || a.at.start - b.at.start,
  );
  const told = ordered.map(({ at, path, message }) => {
    const where = pathName(path);
    return [`${placeName(at)}  ${where && `${where}: `}${message}`, ...codeFrame(at)].join('\n');
  });
  const once = [...new Set(told)]; // what two files inherit is found twice
  const count = once.length === 1 ? '' : `: ${once.length} problems`;
  return new UserError(`${title}${count}\n${once.join('\n')}`, { remedy });
}
