/** Where the trials of a search lie: points of the unit cube, one coordinate a hyperparameter. */
import type { Range, SearchBlock } from '../../config/search.ts';
import { UserError } from '../../errors.ts';
import { stream } from '../../random.ts';
import { haltonPoints } from './halton.ts';
import { mostSobolDimensions, sobolPoints } from './sobol.ts';

/** One point a trial; a larger budget begins with the same points, but for a grid. */
export function searchPoints(
  { design, budget, scramble }: Pick<SearchBlock, 'design' | 'budget' | 'scramble'>,
  ranges: readonly Range[],
): readonly (readonly number[])[] {
  switch (design) {
    case 'halton':
      return haltonPoints(budget, ranges.length, scramble);
    case 'sobol':
      refuseBeyondSobol(ranges.length);
      return sobolPoints(budget, ranges.length, scramble);
    case 'random':
      return Array.from({ length: budget }, (_, i) => ranges.map((_, d) => stream(scramble, 'search', d, i).uniform()));
    case 'grid':
      return gridPoints(budget, ranges);
  }
}

function refuseBeyondSobol(dimensions: number): void {
  if (dimensions <= mostSobolDimensions) return;
  throw new UserError(`a space of ${dimensions} hyperparameters is beyond the ${mostSobolDimensions} that sobol has`, {
    remedy: 'use the design halton or random',
  });
}

/** Every combination: all choices, and of the other ranges equally many values from end to end, as many as the budget allows. */
function gridPoints(budget: number, ranges: readonly Range[]): number[][] {
  const sizes = (most: number) => ranges.map((range) => range.choice?.length ?? Math.min(most, integersIn(range)));
  const total = (most: number) => sizes(most).reduce((product, size) => product * size, 1);
  if (total(2) > budget) {
    throw new UserError(
      `a grid of two values each over ${ranges.length} hyperparameters is ${total(2)} trials, of ${budget}`,
      {
        remedy: 'give it more trials, or use the design halton, which fills a space with any number of them',
      },
    );
  }
  let levels = 2;
  while (total(levels + 1) <= budget && total(levels + 1) > total(levels)) levels += 1;
  return sizes(levels).reduce<number[][]>(
    (points, size, d) =>
      points.flatMap((point) =>
        Array.from({ length: size }, (_, i) => [...point, ranges[d]!.choice ? (i + 0.5) / size : i / (size - 1)]),
      ),
    [[]],
  );
}

const integersIn = ({ int }: Range): number => (int ? int[1] - int[0] + 1 : Infinity);
