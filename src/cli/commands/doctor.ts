import { availableParallelism } from 'node:os';
import { Command } from '@commander-js/extra-typings';
import { exitCode } from '../../errors.ts';
import type { CandidateReport } from '../../tensor/backends/tensorflow/report.ts';

export const doctorCommand = () =>
  new Command('doctor')
    .description('say which backends work here, why the others do not, and what decodes JPEGs')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExamples:\n  ranger21 doctor\n  ranger21 doctor --json')
    .action(async ({ json }) => {
      const [
        { backendNames, backends, loadBackend },
        { candidateReport, deviceReport },
        { turboJpeg, turboJpegMissing },
      ] = await Promise.all([
        import('../../tensor/backends/registry.ts'),
        import('../../tensor/backends/tensorflow/report.ts'),
        import('../../data/images/turboJpeg.ts'),
      ]);
      const found = await Promise.all(
        backendNames.map(async (name) => ({
          name,
          summary: backends[name].summary,
          ...(await (await loadBackend(name)).probe()),
        })),
      );
      const chosen = found.find(({ usable }) => usable)?.name;
      const candidates = await candidateReport();
      const devices = candidates.some(({ taken }) => taken) ? await deviceReport() : undefined;
      const machine = {
        node: process.versions.node,
        platform: `${process.platform}-${process.arch}`,
        threads: availableParallelism(),
      };
      if (!chosen) process.exitCode = exitCode.environment;
      if (json) {
        const tensorflow = { candidates, ...devices };
        const jpeg = turboJpeg ? 'libjpeg-turbo' : 'libvips';
        const document = {
          schema: 1,
          machine,
          backends: found,
          tensorflow,
          auto: chosen ?? null,
          images: { jpeg, missing: turboJpegMissing },
        };
        return console.log(JSON.stringify(document, null, 2));
      }

      console.log(`Node ${machine.node} on ${machine.platform}, ${machine.threads} threads`);
      for (const backend of found) {
        const mark = backend.usable ? 'ok ' : 'no ';
        console.log(`${mark} ${backend.name.padEnd(10)} ${backend.usable ? backend.detail : backend.reason}`);
        if (backend.usable) console.log(`${indent}devices: ${backend.devices.join(', ')}`);
        else console.log(`${indent}fix: ${backend.remedy}`);
        if (backend.name !== 'tensorflow') continue;
        for (const line of candidates.map(candidateLine)) console.log(indent + line);
        if (!devices) continue;
        console.log(`${indent}TensorFlow reports: ${devices.devices.map(({ name }) => name).join(', ')}`);
        if (devices.missingCudaLibraries.length > 0) {
          console.log(
            `${indent}for a GPU it would need, and does not find: ${devices.missingCudaLibraries.join(', ')}`,
          );
        }
      }
      console.log(chosen ? `--backend auto takes ${chosen}` : 'no backend is usable here');
      console.log(
        turboJpeg
          ? 'JPEGs are decoded by libjpeg-turbo'
          : `JPEGs are decoded by libvips, the same pixels at less than half the speed of libjpeg-turbo: ${turboJpegMissing}`,
      );
    });

const indent = ' '.repeat(14);

const candidateLine = ({ source, where, version, taken, reason }: CandidateReport): string =>
  `${taken ? 'taken' : 'not  '}  ${source}${version ? ` ${version}` : ''}: ${where}: ${reason}`;
