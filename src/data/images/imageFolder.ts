/** Image folders: train/<class>/… and val/<class>/…, a class an own folder, as ILSVRC-2012 comes and torchvision's ImageFolder reads. */
import { accessSync, constants, readdirSync, statSync, type Stats } from 'node:fs';
import { createHash } from 'node:crypto';
import { UserError } from '../../errors.ts';
import type { BadFilePolicy, ImageSplit } from './imageSplit.ts';
import { isUnreachable, shared } from './imageStore.ts';

const endings = /\.(jpe?g|png|ppm|bmp|pgm|tiff?|webp)$/i;
const deepest = 8;

/** What a folder holds; a class is the position of its folder's name in byte order. */
export interface ImageFolder {
  readonly classNames: readonly string[];
  readonly train: ImageSplit;
  readonly test: ImageSplit;
  /** SHA-256 over the relative paths and sizes of all files, in order. */
  readonly listing: string;
}

/**
 * Lists a folder: the names and sizes of every image, nothing of their content. File names are taken as bytes, so any are read; links
 * are followed; folders within a class are searched too. `say` is told what is left out.
 */
export function listImageFolder(root: string, policy: BadFilePolicy, say: (line: string) => void): ImageFolder {
  const base = Buffer.from(root).toString('latin1');
  const [train, val] = [join(base, 'train'), join(base, validationFolder(base))];
  const classes = classFolders(train);
  refuseOtherClasses(classes, classFolders(val), train, val);

  const hash = createHash('sha256');
  const list = (folder: string) => {
    const { split, empty, others } = listSplit(folder, classes, policy, hash);
    for (const name of empty) {
      const path = text(join(folder, name));
      if (policy === 'error') throw new UserError(`${path} holds no image`, { remedy: missing(path) });
      say(`${path} holds no image: class ${text(name)} keeps its number`);
    }
    if (others > 0) say(`${text(folder)}: ${others} files are no images by their ending and are left out`);
    if (split.count === 0) throw new UserError(`${text(folder)} holds no image`, { remedy: missing(text(folder)) });
    return split;
  };
  const splits = { train: list(train), test: list(val) };
  return { classNames: classes.map(text), ...splits, listing: hash.digest('hex') };
}

const missing = (path: string) =>
  `put images into ${path}, or set dataset.badFiles to warn (only where the class may be without any)`;

/** Names and paths are kept as one character a byte, whatever their encoding; this is how they are shown. */
const text = (name: string) => Buffer.from(name, 'latin1').toString();
const bytesOf = (path: string) => Buffer.from(path, 'latin1');
const join = (folder: string, name: string) => (folder === '' ? name : `${folder}/${name}`);

function validationFolder(root: string): string {
  const names = new Set(entries(root).map(({ name }) => name));
  const found = ['val', 'validation', 'test'].find((name) => names.has(name));
  if (names.has('train') && found !== undefined) return found;
  throw new UserError(`${text(root)} has no folders train and val`, {
    remedy:
      'set dataset.root to the folder that holds train/<class>/ and val/<class>/ (ILSVRC: sort the validation images into class folders first)',
  });
}

interface Entry {
  readonly name: string;
  readonly isFolder: boolean;
  readonly isFile: boolean;
}

/** What a folder holds, in byte order; links are what they lead to. */
function entries(folder: string): Entry[] {
  try {
    const found = readdirSync(bytesOf(folder), { encoding: 'latin1', withFileTypes: true });
    return found
      .map((entry) => {
        if (!entry.isSymbolicLink()) return { name: entry.name, isFolder: entry.isDirectory(), isFile: entry.isFile() };
        const target = reachable(join(folder, entry.name));
        return { name: entry.name, isFolder: target?.isDirectory() ?? false, isFile: target?.isFile() ?? true };
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    throw new UserError(`${text(folder)} cannot be listed: ${(cause as Error).message}`, {
      remedy: 'set dataset.root to a folder that exists and may be read',
      cause,
    });
  }
}

/** What a path leads to; undefined where it cannot be reached: a dead link, or no permission. */
function reachable(path: string): Stats | undefined {
  try {
    return statSync(bytesOf(path));
  } catch (error) {
    if (isUnreachable(error)) return undefined;
    throw error;
  }
}

/**
 * A file's size; 0 where it cannot be opened, so that it counts as bad from the start and not as lost later on. Permissions are asked
 * for only where they make a difference: a call to the system for each of a million files.
 */
function sizeOf(path: string, policy: BadFilePolicy): number {
  const found = reachable(path);
  if (found === undefined || policy === 'error') return found?.size ?? 0;
  try {
    accessSync(bytesOf(path), constants.R_OK);
    return found.size;
  } catch (error) {
    if (isUnreachable(error)) return 0;
    throw error;
  }
}

const classFolders = (folder: string): string[] =>
  entries(folder)
    .filter(({ isFolder, name }) => isFolder && !name.startsWith('.'))
    .map(({ name }) => name);

/** A class more or less in one of the splits would shift the numbers of all classes after it. */
function refuseOtherClasses(train: readonly string[], val: readonly string[], ...folders: [string, string]): void {
  if (train.length < 2) {
    throw new UserError(`${text(folders[0])} has ${train.length} class folders`, {
      remedy: 'set dataset.root to a folder with train/<class>/ for at least two classes',
    });
  }
  const [inTrain, inVal] = [new Set(train), new Set(val)];
  const only = [...train.filter((name) => !inVal.has(name)), ...val.filter((name) => !inTrain.has(name))];
  if (only.length === 0) return;
  const some = only
    .slice(0, 5)
    .map((name) => `${text(name)} only in ${text(inTrain.has(name) ? folders[0] : folders[1])}`);
  throw new UserError(
    `the classes of train and val differ in ${only.length}: ${some.join(', ')}${only.length > 5 ? ', …' : ''}`,
    {
      remedy: 'make the same class folders in both: a class is numbered by the place of its name among all of them',
    },
  );
}

/** One split's files, class after class, each class in byte order of the paths. */
function listSplit(
  folder: string,
  classes: readonly string[],
  policy: BadFilePolicy,
  hash: ReturnType<typeof createHash>,
) {
  const names: Buffer[] = [];
  const lengths: number[] = [];
  const sizes: number[] = [];
  const labels: number[] = [];
  const empty: string[] = [];
  let others = 0;
  const search = (relative: string, depth: number, label: number) => {
    if (depth > deepest) {
      throw new UserError(`${text(join(folder, relative))} lies ${depth} folders deep`, {
        remedy: 'remove the link that leads back to a folder above itself',
      });
    }
    for (const { name, isFolder, isFile } of entries(join(folder, relative))) {
      const path = join(relative, name);
      if (isFolder) search(path, depth + 1, label);
      else if (!isFile || !endings.test(name)) others += 1;
      else {
        lengths.push(path.length);
        classPaths.push(path);
        sizes.push(sizeOf(join(folder, path), policy));
        labels.push(label);
      }
    }
  };
  let classPaths: string[] = [];
  classes.forEach((name, label) => {
    const first = sizes.length;
    classPaths = [];
    search(name, 1, label);
    if (sizes.length === first) empty.push(name);
    names.push(bytesOf(classPaths.join('')));
    hash.update(`${label}\n${classPaths.map((path, i) => `${path}\0${sizes[first + i]}`).join('\n')}\n`, 'latin1');
  });

  const count = sizes.length;
  const starts = new Uint32Array(new SharedArrayBuffer(4 * (count + 1)));
  lengths.forEach((length, i) => (starts[i + 1] = (starts[i] as number) + length));
  const split: ImageSplit = {
    count,
    labels: shared(Int32Array.from(labels)),
    store: {
      kind: 'files',
      folder: text(folder),
      names: shared(new Uint8Array(Buffer.concat(names))),
      starts,
      sizes: shared(Float64Array.from(sizes)),
      sums: new Uint32Array(new SharedArrayBuffer(4 * count)),
    },
  };
  return { split, empty, others };
}
