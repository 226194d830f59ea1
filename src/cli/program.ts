/** The commands, put together. */
import { readFileSync } from 'node:fs';
import { Command } from '@commander-js/extra-typings';
import { ablateCommand } from './commands/ablate.ts';
import { benchCommand } from './commands/bench.ts';
import { benchSubjectCommand } from './commands/benchSubject.ts';
import { compareCommand } from './commands/compare.ts';
import { componentsCommand } from './commands/components.ts';
import { configCommand } from './commands/config.ts';
import { dataCommand } from './commands/data.ts';
import { diffCommand } from './commands/diff.ts';
import { doctorCommand } from './commands/doctor.ts';
import { lsCommand } from './commands/ls.ts';
import { modelsCommand } from './commands/models.ts';
import { profileCommand } from './commands/profile.ts';
import { reportCommand } from './commands/report.ts';
import { runCommand } from './commands/run.ts';
import { scheduleCommand } from './commands/schedule.ts';
import { setupCommand } from './commands/setup.ts';
import { showCommand } from './commands/show.ts';
import { stateHashesCommand } from './commands/stateHashes.ts';
import { sweepCommand } from './commands/sweep.ts';
import { tableCommand } from './commands/table.ts';
import { trainPlannedCommand } from './commands/trainPlanned.ts';
import { verifyCommand } from './commands/verify.ts';
import { watchCommand } from './commands/watch.ts';
import { strictOptions } from './strictOptions.ts';
import { failures, listed } from '../runs/statuses.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** A fresh program, so that tests can build one each. */
export function buildProgram() {
  const program = new Command('ranger21')
    .description('Which of the ten ideas in the Ranger21 optimizer earns its place, on your model and your data?')
    .version(`ranger21 ${version}, Node ${process.versions.node}`)
    .enablePositionalOptions() // `setup --version 2.20.0` is the command's own
    .showHelpAfterError('(see --help)')
    .addHelpText(
      'after',
      `
Examples:
  ranger21 run configs/digits-nfresnet.yaml        train one model on real data
  ranger21 ablate --disable pnm,lookahead          what do these two components bring?
  ranger21 table ablation                          the table of a study, again
  ranger21 report ablation                         one page with the table and figures

Exit codes: 0 done · 2 usage or configuration · 3 some runs failed · 4 ${listed(failures)} · 5 a check failed ·
6 environment unfit · 7 time limit · 75 another process has the run, or requeue · 129/130/143 interrupted, state saved`,
    );
  const commands = [
    runCommand(),
    ablateCommand(),
    sweepCommand(),
    tableCommand(),
    reportCommand(),
    lsCommand(),
    showCommand(),
    compareCommand(),
    diffCommand(),
    watchCommand(),
    scheduleCommand(),
    componentsCommand(),
    modelsCommand(),
    dataCommand(),
    configCommand(),
    verifyCommand(),
    benchCommand(),
    profileCommand(),
    setupCommand(),
    doctorCommand(),
  ];
  for (const command of commands) program.addCommand(command);
  program.addCommand(trainPlannedCommand(), { hidden: true });
  program.addCommand(benchSubjectCommand(), { hidden: true });
  program.addCommand(stateHashesCommand(), { hidden: true });
  strictOptions(program);
  throwInsteadOfExiting(program);
  return program;
}

/** Commander would exit by itself, with 1 for a usage error; here only `main` sets the exit code. */
function throwInsteadOfExiting(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) throwInsteadOfExiting(child as unknown as Command);
}
