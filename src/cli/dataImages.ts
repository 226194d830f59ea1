/** What `data prepare` and `data verify` do for sets of image files. */
import { UserError } from '../errors.ts';
import type { BadFilePolicy } from '../data/images/imageSplit.ts';
import type { ImageSource } from '../data/images/imageDataset.ts';

const imageSets = ['imagefolder', 'imagenette', 'imagewoof', 'tfrecord'] as const;
export type ImageSet = (typeof imageSets)[number];

export const isImageSet = (name: string): name is ImageSet => (imageSets as readonly string[]).includes(name);

interface Common {
  readonly classes?: number | undefined;
  readonly root?: string | undefined;
}

/** Opens a folder; one of a published set must hold that set. */
async function openSource(name: ImageSet, root: string, policy: BadFilePolicy, classes = 1_000): Promise<ImageSource> {
  const [{ openFolder, openTfrecords, refuseOther }, { imagenette }, { imagewoof }] = await Promise.all([
    import('../data/images/imageDataset.ts'),
    import('../data/images/imagenette.ts'),
    import('../data/images/imagewoof.ts'),
  ]);
  const source = name === 'tfrecord' ? openTfrecords(root, classes) : openFolder(root, policy, console.error);
  const published = { imagenette, imagewoof, imagefolder: undefined, tfrecord: undefined }[name];
  if (published !== undefined) refuseOther(source, published, root);
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
  const { from, root } = options;
  if (from === undefined || root === undefined) {
    throw new UserError(
      `${name} is packed from a folder into another: ${from === undefined ? '--from' : '--root'} is missing`,
      {
        remedy: `ranger21 data prepare ${name} --from FOLDER --root FOLDER --size 256`,
      },
    );
  }
  const [{ packImages }, { defaultWorkers }, { startProgress }] = await Promise.all([
    import('../data/images/packImages.ts'),
    import('../data/images/decoding.ts'),
    import('./progress.ts'),
  ]);
  const source = await openSource(name, from, options.badFiles, options.classes);
  let progress: ReturnType<typeof startProgress> | undefined;
  try {
    await packImages(source, {
      root,
      format: options.format,
      size: options.size ?? null,
      policy: options.badFiles,
      workers: options.workers ?? defaultWorkers(),
      force: options.force ?? false,
      say: (line) => (progress ? progress.say(line) : console.error(line)),
      onStart: (total) => {
        const bar = startProgress(name, total, 'image');
        progress = bar;
        return (done) => bar.update(done, '');
      },
    });
  } finally {
    progress?.end();
  }
  console.log(root);
}

export async function verifyImages(name: ImageSet, { root, classes = 1_000 }: Common): Promise<void> {
  if (root === undefined)
    throw new UserError(`--root is missing`, { remedy: `ranger21 data verify ${name} --root FOLDER` });
  const [{ verifyShards, verifyFolder, verifyRecords }, { readShardManifest }, { startProgress }] = await Promise.all([
    import('../data/images/verifyImages.ts'),
    import('../data/images/shards.ts'),
    import('./progress.ts'),
  ]);
  let progress: ReturnType<typeof startProgress> | undefined;
  const onStart = (unit: string) => (total: number) => {
    const bar = startProgress(name, total, unit);
    progress = bar;
    return (done: number) => bar.update(done, '');
  };
  try {
    if (readShardManifest(root) !== undefined) {
      const source = await openSource(name, root, 'error', classes);
      const shards = await verifyShards(root, onStart('shard'));
      progress?.end();
      return console.log(`${root}: ${counts(source)} in ${shards} shards, SHA-256 ${source.identity}`);
    }
    if (name === 'tfrecord') {
      const source = await openSource(name, root, 'error', classes);
      await verifyRecords(source, onStart('image'));
      progress?.end();
      return console.log(`${root}: ${counts(source)}, every checksum right`);
    }
    const { path, isNew } = await verifyFolder(root, console.error, onStart('image'));
    progress?.end();
    console.log(isNew ? `${root}: checksums written to ${path}` : `${root}: every image as in ${path}`);
  } finally {
    progress?.end();
  }
}

const counts = ({ train, test }: ImageSource) => `${train.count} + ${test.count} images`;
