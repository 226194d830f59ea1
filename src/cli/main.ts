#!/usr/bin/env node
/** Runs one command, prints what the user can fix, and alone sets the exit code. */
import { CommanderError } from '@commander-js/extra-typings';
import { exitCode, UserError } from '../errors.ts';
import { buildProgram } from './program.ts';

export async function main(argv: readonly string[]): Promise<number> {
  try {
    const program = buildProgram();
    if (argv.length === 0) {
      program.outputHelp();
      return 0;
    }
    await program.parseAsync([...argv], { from: 'user' });
    return typeof process.exitCode === 'number' ? process.exitCode : 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCode.usage;
    if (!(error instanceof UserError)) throw error;
    console.error(`error: ${error.message}\n  fix: ${error.remedy}`);
    return error.code;
  }
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0); // `ranger21 ls | head`
  console.error(`error: cannot write the answer: ${error.message}`);
  process.exit(1);
});
process.stderr.on('error', () => undefined); // progress that nobody reads any more is no reason to end a run
process.exitCode = await main(process.argv.slice(2));
