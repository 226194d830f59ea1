/** How a study came to its end, as the exit code says it. */
import { exitCode } from '../errors.ts';
import type { StudyEnd } from '../experiment/study/study.ts';

/** `isIncomplete`: something is missing though nothing failed now. Nothing was trained where there is no `end`. */
export function endStudy(
  end: (StudyEnd & { readonly signalCode: number | undefined }) | undefined,
  isIncomplete: boolean,
): void {
  if (end?.givenUp !== undefined) {
    console.error(`given up, since three runs began with the same error: ${end.givenUp}`);
  }
  if (end?.signalCode !== undefined) process.exitCode = end.signalCode;
  else if (isIncomplete || (end?.failed ?? 0) > 0) process.exitCode = exitCode.someRunsFailed;
}
