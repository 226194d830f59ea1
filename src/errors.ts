/** Exit codes of the command line; `main` is the only place that sets one. */
export const exitCode = {
  usage: 2,
  someRunsFailed: 3,
  diverged: 4,
  checkFailed: 5,
  environment: 6,
  timeLimit: 7,
  locked: 75,
} as const;

/** A failure the user can fix: what is wrong and where, and what to do. `main` prints it without a stack trace. */
export class UserError extends Error {
  readonly remedy: string;
  readonly code: number;

  constructor(
    message: string,
    { remedy, code = exitCode.usage, cause }: { remedy: string; code?: number; cause?: unknown },
  ) {
    super(message, { cause });
    this.name = 'UserError';
    this.remedy = remedy;
    this.code = code;
  }
}
