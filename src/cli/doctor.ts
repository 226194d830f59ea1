import { availableParallelism } from 'node:os';
import { Command } from '@commander-js/extra-typings';
import { exitCode } from '../errors.ts';

export const doctorCommand = () =>
  new Command('doctor')
    .description('say which backends work here and why the others do not')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExamples:\n  ranger21 doctor\n  ranger21 doctor --json')
    .action(async ({ json }) => {
      const { backendNames, backends, loadBackend } = await import('../tensor/backends/registry.ts');
      const found = await Promise.all(
        backendNames.map(async (name) => ({
          name,
          summary: backends[name].summary,
          ...(await (await loadBackend(name)).probe()),
        })),
      );
      const chosen = found.find(({ usable }) => usable)?.name;
      const machine = {
        node: process.versions.node,
        platform: `${process.platform}-${process.arch}`,
        threads: availableParallelism(),
      };
      if (!chosen) process.exitCode = exitCode.environment;
      if (json)
        return console.log(JSON.stringify({ schema: 1, machine, backends: found, auto: chosen ?? null }, null, 2));

      console.log(`Node ${machine.node} on ${machine.platform}, ${machine.threads} threads`);
      for (const backend of found) {
        const mark = backend.usable ? 'ok ' : 'no ';
        console.log(`${mark} ${backend.name.padEnd(6)} ${backend.usable ? backend.detail : backend.reason}`);
        if (backend.usable) console.log(`           devices: ${backend.devices.join(', ')}`);
        else console.log(`           fix: ${backend.remedy}`);
      }
      console.log(chosen ? `--backend auto takes ${chosen}` : 'no backend is usable here');
    });
