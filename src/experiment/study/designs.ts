/** Two-level screening designs: which factors are on in which run, and which effects cannot be told apart. */

/** One run a row, one factor a column: 1 on, −1 off. */
export type Signs = readonly (readonly (1 | -1)[])[];

/**
 * Plackett–Burman design in 12 runs for up to 11 factors: eleven shifts of one row, and a row with everything off.
 *
 * Resolution III: main effects are clear of each other, and each is mixed with a third of every interaction of two others,
 * so a large interaction shows up in the effects of nine bystanders.
 *
 * Reference: Plackett & Burman, The Design of Optimum Multifactorial Experiments, 1946. https://doi.org/10.2307/2332195
 */
export function plackettBurman(factors: number): Signs {
  if (factors > 11) throw new RangeError(`${factors} factors in 12 runs`);
  const row = [1, 1, -1, 1, 1, 1, -1, -1, -1, 1, -1] as const;
  const shifted = row.map((_, shift) => row.map((_, i) => row[(i - shift + 11) % 11]!));
  return [...shifted, row.map(() => -1 as const)].map((signs) => signs.slice(0, factors));
}

/**
 * Generators of the two-level fractional factorial of least aberration in 16 runs (5 to 8 factors) or 32 (9, 10); the first
 * letters are a full factorial, each later one the product that is written after it. Up to 4 factors need no fraction.
 *
 * Reference: Box, Hunter & Hunter, Statistics for Experimenters, 2nd edition, 2005, table 6.22.
 */
export const generators: Readonly<Record<number, readonly string[]>> = {
  5: ['E=ABCD'],
  6: ['E=ABC', 'F=BCD'],
  7: ['E=ABC', 'F=BCD', 'G=ACD'],
  8: ['E=BCD', 'F=ACD', 'G=ABC', 'H=ABD'],
  9: ['F=BCDE', 'G=ACDE', 'H=ABDE', 'J=ABCE'],
  10: ['F=ABCD', 'G=ABCE', 'H=ABDE', 'J=ACDE', 'K=BCDE'],
};

const letters = 'ABCDEFGHJK';

/** The fractional factorial for up to 10 factors, in standard order: the first factor changes fastest. */
export function fractionalFactorial(factors: number): Signs {
  if (factors < 1 || factors > letters.length) throw new RangeError(`${factors} factors in a two-level factorial`);
  const words = generators[factors] ?? [];
  const free = factors - words.length;
  return Array.from({ length: 2 ** free }, (_, run) => {
    const signs = Array.from({ length: free }, (_, i): 1 | -1 => ((run >> i) & 1 ? 1 : -1));
    for (const word of words) {
      const product = [...word.slice(2)].reduce((sign, letter) => sign * signs[letters.indexOf(letter)]!, 1);
      signs.push(product as 1 | -1);
    }
    return signs;
  });
}

export interface Alias {
  /** The two factors of an interaction. */
  readonly interaction: readonly [number, number];
  /** How much of it, −1 … 1, is in the effect of the factor it is listed under. */
  readonly share: number;
}

/** For each factor, the interactions of two others that its main effect is mixed with; read off the signs themselves. */
export function aliases(signs: Signs): Alias[][] {
  const factors = signs[0]?.length ?? 0;
  return Array.from({ length: factors }, (_, factor) => {
    const found: Alias[] = [];
    for (let a = 0; a < factors; a++) {
      for (let b = a + 1; b < factors; b++) {
        if (a === factor || b === factor) continue;
        const share = signs.reduce((sum, row) => sum + row[factor]! * row[a]! * row[b]!, 0) / signs.length;
        if (Math.abs(share) > 1e-9) found.push({ interaction: [a, b], share });
      }
    }
    return found;
  });
}
