/** What `data prepare` and `data verify` do for sets of image files. */
import { UserError } from '../errors.ts';
import type { FolderOptions } from '../data/images/imageFolder.ts';
import type { BadFilePolicy } from '../data/images/imageSplit.ts';
import type { Expected, ImageSource } from '../data/images/imageDataset.ts';

const imageSets = ['imagefolder', 'imagenette', 'imagewoof', 'tfrecord'] as const;
export type ImageSet = (typeof imageSets)[number];

export const isImageSet = (name: string): name is ImageSet => (imageSets as readonly string[]).includes(name);

interface Common {
  readonly classes?: number | undefined;
  readonly root?: string | undefined;
  readonly split?: number | undefined;
}

/** What a folder is to hold: a published set, or what the command line says. */
async function expectedOf(name: ImageSet, { classes, split }: Common): Promise<Expected> {
  if (split !== undefined && name !== 'imagefolder') {
    throw new UserError(`${name} has held-out images of its own`, { remedy: 'drop --split' });
  }
  const [{ imagenette }, { imagewoof }] = await Promise.all([
    import('../data/images/imagenette.ts'),
    import('../data/images/imagewoof.ts'),
  ]);
  return { imagenette, imagewoof, imagefolder: undefined, tfrecord: undefined }[name] ?? { name, classes };
}

/** Opens a folder or its shards, and holds it against what it is to be. */
async function openSource(name: ImageSet, root: string, options: Common, folder: FolderOptions): Promise<ImageSource> {
  const expected = await expectedOf(name, options);
  const { openFolder, openTfrecords, refuseOther } = await import('../data/images/imageDataset.ts');
  const source = name === 'tfrecord' ? openTfrecords(root, options.classes, folder) : openFolder(root, folder);
  refuseOther(source, expected, root, folder.names);
  return source;
}

export async function prepareImages(
  name: ImageSet,
  options: Common & {
    readonly from?: string | undefined;
    readonly size?: number | undefined;
    readonly format: 'jpeg' | 'raw';
    readonly badFiles: BadFilePolicy;
    readonly workers?: number | undefined;
    readonly force?: boolean | undefined;
  },
): Promise<void> {
  const { from, root, badFiles: policy } = options;
  if (from === undefined || root === undefined) {
    throw new UserError(
      `${name} is packed from a folder into another: ${from === undefined ? '--from' : '--root'} is missing`,
      {
        remedy: `ranger21 data prepare ${name} --from FOLDER --root FOLDER --size 256`,
      },
    );
  }
  const [{ packImages }, { defaultWorkers }, { prepareFlags }, { tellReading }] = await Promise.all([
    import('../data/images/packImages.ts'),
    import('../data/images/decoding.ts'),
    import('../data/images/optionNames.ts'),
    import('./loadDataset.ts'),
  ]);
  const { reading, end } = tellReading(name);
  const folder = { policy, split: options.split, names: prepareFlags, say: reading.say };
  const source = await openSource(name, from, options, folder);
  reading.say(`${from}: ${source.classNames.length} classes, ${counts(source)}`);
  try {
    await packImages(source, {
      root,
      format: options.format,
      size: options.size ?? null,
      policy,
      workers: options.workers ?? defaultWorkers(),
      force: options.force ?? false,
      reading,
    });
  } finally {
    end();
  }
  console.log(root);
}

export async function verifyImages(name: ImageSet, options: Common): Promise<void> {
  const { root } = options;
  if (root === undefined)
    throw new UserError(`--root is missing`, { remedy: `ranger21 data verify ${name} --root FOLDER` });
  const [verify, { listImageFolder }, { refuseOther }, { readShardManifest }, decoding, flags, { tellReading }] =
    await Promise.all([
      import('../data/images/verifyImages.ts'),
      import('../data/images/imageFolder.ts'),
      import('../data/images/imageDataset.ts'),
      import('../data/images/shards.ts'),
      import('../data/images/decoding.ts'),
      import('../data/images/optionNames.ts'),
      import('./loadDataset.ts'),
    ]);
  const { reading, end } = tellReading(name);
  const how = { workers: decoding.defaultWorkers(), reading };
  const folder = { policy: 'warn', split: options.split, names: flags.verifyFlags, say: reading.say } as const;
  const answer = async () => {
    if (readShardManifest(root) !== undefined) {
      const source = await openSource(name, root, options, folder);
      const shards = await verify.verifyShards(root, how);
      return `${counts(source)}, in ${shards} shards, SHA-256 ${await source.identity(source, how)}`;
    }
    if (name === 'tfrecord') {
      const source = await openSource(name, root, options, folder);
      await verify.verifyRecords(source, reading);
      return `${counts(source)}, every checksum right, SHA-256 ${await source.identity(source, how)}`;
    }
    const expected = await expectedOf(name, options);
    const listed = listImageFolder(root, folder);
    refuseOther(listed, expected, root, folder.names);
    const { isNew, identity } = await verify.verifyFolder(listed, how);
    const before = listed.train.count + listed.test.count - isNew;
    return `${counts(listed)}, ${before} as when first read and ${isNew} read for the first time, SHA-256 ${identity}`;
  };
  try {
    const found = await answer();
    end();
    console.log(`${root}: ${found}`);
  } finally {
    end();
  }
}

const counts = ({ train, test, heldOut }: Pick<ImageSource, 'train' | 'test'> & { readonly heldOut: string }) =>
  `${train.count} images to train on and ${test.count} to evaluate on (${heldOut})`;
