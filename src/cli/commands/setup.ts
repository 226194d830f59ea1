/** `ranger21 setup`: puts libtensorflow into the per-user cache. */
import { Command } from '@commander-js/extra-typings';

export const setupCommand = () =>
  new Command('setup')
    .description('install libtensorflow for the tensorflow backend')
    .option('--from <path>', 'a tensorflow wheel, a libtensorflow tar.gz, or a folder with the libraries')
    .option('--gpu', 'the CUDA build and the NVIDIA libraries it needs', false)
    .option('--version <version>', 'TensorFlow version to fetch', '2.21.0')
    .option(
      '--python-version <version>',
      'Python the fetched wheel is packed for; the library inside does not depend on it',
      '3.12',
    )
    .option('--platform <tag>', 'platform tag of the wheel, e.g. manylinux_2_27_x86_64 (default: this machine’s)')
    .option('--json', 'print the installation as JSON', false)
    .addHelpText(
      'after',
      `
Examples:
  ranger21 setup                                     pip fetches the CPU build
  ranger21 setup --gpu                               … the CUDA build, with NVIDIA’s libraries
  ranger21 setup --from tensorflow_cpu-2.21.0-….whl  no network needed
`,
    )
    .action(async ({ from, gpu, version, pythonVersion, platform, json }) => {
      const { install } = await import('../../tensor/backends/tensorflow/install/install.ts');
      const options = { from, gpu, version, pythonVersion, platform };
      const { folder, manifest, existing } = await install(options, await progressBar());
      if (json) {
        console.log(JSON.stringify({ folder, existing, ...manifest }, null, 2));
        return;
      }
      const size = Object.values(manifest.files).reduce((total, { bytes }) => total + bytes, 0);
      const verb = existing ? 'already installed and intact' : 'installed';
      console.log(`TensorFlow ${manifest.version} ${verb}: ${folder} (${(size / 2 ** 20).toFixed(0)} MiB)`);
    });

/** A bar on a terminal's standard error; elsewhere one line a file. */
async function progressBar() {
  const { SingleBar, Presets } = await import('cli-progress');
  const bar = new SingleBar(
    { format: '{what} {bar} {percentage} %', hideCursor: true, stream: process.stderr, etaBuffer: 50 },
    Presets.shades_classic,
  );
  const isTerminal = process.stderr.isTTY;
  return {
    start(what: string, bytes: number) {
      if (isTerminal) bar.start(bytes, 0, { what });
      else console.error(`unpacking ${what}`);
    },
    advance(bytes: number) {
      if (isTerminal) bar.increment(bytes);
    },
    end() {
      if (isTerminal) bar.stop();
    },
  };
}
