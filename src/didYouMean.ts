/** The known word meant by a misspelt one. */
import { distance } from 'fastest-levenshtein';
import { UserError } from './errors.ts';

/** The closest known word, if it is close enough to be what was meant: at most a third of its letters differ, or two, but not all. */
export function didYouMean(word: string, known: readonly string[]): string | undefined {
  if (word === '' || word.length > 100) return undefined;
  const ranked = known.map((candidate) => ({ candidate, far: distance(word.toLowerCase(), candidate.toLowerCase()) }));
  const best = ranked.sort((a, b) => a.far - b.far)[0];
  if (!best || best.far >= Math.max(word.length, best.candidate.length)) return undefined;
  return best.far <= Math.max(2, Math.ceil(best.candidate.length / 3)) ? best.candidate : undefined;
}

/** `word` as one of the known ones, or a UserError that names them. */
export function oneOf<T extends string>(what: string, word: string, known: readonly T[]): T {
  if ((known as readonly string[]).includes(word)) return word as T;
  const meant = didYouMean(word, known);
  throw new UserError(`unknown ${what} ${JSON.stringify(word)}`, {
    remedy: `${meant ? `did you mean ${meant}? ` : ''}known: ${known.join(', ')}`,
  });
}
