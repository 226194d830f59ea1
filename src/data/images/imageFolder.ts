/**
 * Image folders: train/<class>/… and val/<class>/…, a class an own folder, as ILSVRC-2012 comes and torchvision's ImageFolder reads; or
 * class folders alone, of which a share is held out.
 */
import { createHash } from 'node:crypto';
import { accessSync, constants, readdirSync, statSync, type Stats } from 'node:fs';
import { UserError } from '../../errors.ts';
import { newTable, shared, unreachable, type FileTable, type Found } from './fileTable.ts';
import { pickImages, type BadFilePolicy, type ImageSplit } from './imageSplit.ts';
import { isUnreachable, type FileStore } from './imageStore.ts';
import type { OptionNames } from './optionNames.ts';

const endings = /\.(jpe?g|png|ppm|bmp|pgm|tiff?|webp)$/i;
const deepest = 8;

/** What a folder holds; a class is the position of its folder's name in byte order. */
export interface ImageFolder {
  readonly classNames: readonly string[];
  readonly train: ImageSplit;
  readonly test: ImageSplit;
  /** The files of both. */
  readonly store: FileStore;
  /** Where the test images come from, in words. */
  readonly heldOut: string;
}

export interface FolderOptions {
  readonly policy: BadFilePolicy;
  /** Share of each class to hold out, of a folder without a held-out part of its own. */
  readonly split?: number | undefined;
  readonly names: OptionNames;
  /** Is told what is left out. */
  readonly say: (line: string) => void;
}

/**
 * Lists a folder: the names and sizes of every image, nothing of their content. File names are taken as bytes, so any are read; links
 * are followed; folders within a class are searched too.
 */
export function listImageFolder(root: string, options: FolderOptions): ImageFolder {
  const base = Buffer.from(root).toString('latin1');
  const heldOut = heldOutFolder(base, options);
  if (heldOut === undefined) return listUndivided(base, options.split!, options); // the split is set, else it would have thrown
  const classes = classFolders(join(base, 'train'), options.names);
  refuseFewClasses(
    join(base, 'train'),
    classes,
    `set ${options.names.root} to a folder with train/<class>/ for at least two classes`,
  );
  refuseOtherClasses(base, classes, heldOut, options.names);

  const list = newList(base, classes, options);
  list.add('train');
  const trained = list.labels.length;
  list.add(heldOut);
  const whole = list.end();
  const between = (first: number, end: number) => Array.from({ length: end - first }, (_, i) => first + i);
  return {
    classNames: classes.map(text),
    train: pickImages(whole, between(0, trained)),
    test: pickImages(whole, between(trained, whole.count)),
    store: whole.store,
    heldOut: `${heldOut}/`,
  };
}

/**
 * Class folders alone. An image is held out where the hash of its path says so: those that are there stay on their side when others are
 * added. Of a class so small that all or none would be, the one nearest to the limit changes sides.
 */
function listUndivided(base: string, split: number, options: FolderOptions): ImageFolder {
  const { names, policy, say } = options;
  const classes = classFolders(base, names);
  const inner = classes[0] === 'train' ? ', such as its folder train' : '';
  refuseFewClasses(base, classes, `set ${names.root} to a folder with at least two class folders${inner}`);
  const list = newList(base, classes, options);
  list.add('');
  const whole = list.end();
  const [train, test]: [number[], number[]] = [[], []];
  for (let first = 0, end = 0; first < whole.count; first = end) {
    const label = whole.labels[first]!;
    while (end < whole.count && whole.labels[end] === label) end += 1;
    const drawn = Array.from({ length: end - first }, (_, i) => ({
      i: first + i,
      at: placeOf(whole.store, first + i),
    }));
    const inOrder = [...drawn].sort((a, b) => a.at - b.at);
    if (inOrder.length === 1) {
      const path = text(join(base, classes[label]!));
      const message = `${path} holds a single image, of which no share can be held out`;
      if (policy === 'error') throw new UserError(message, { remedy: `put more images into ${path}` });
      say(`${message}: it is trained on`);
    }
    const below = inOrder.filter(({ at }) => at < split).length;
    const count = Math.max(Math.min(1, inOrder.length - 1), Math.min(inOrder.length - 1, below));
    const held = new Set(inOrder.slice(0, count));
    for (const one of drawn) (held.has(one) ? test : train).push(one.i);
  }
  return {
    classNames: classes.map(text),
    train: pickImages(whole, train),
    test: pickImages(whole, test),
    store: whole.store,
    heldOut: heldOutShare(split),
  };
}

const heldOutShare = (split: number): string => `${Number((100 * split).toPrecision(6))} % of each class, by file name`;

/** A number in [0, 1) that a file's path below the root gives. */
function placeOf({ names, starts }: FileTable, i: number): number {
  const path = names.subarray(starts[i], starts[i + 1]);
  return createHash('sha256').update(path).digest().readUIntBE(0, 6) / 2 ** 48;
}

/** Names and paths are kept as one character a byte, whatever their encoding; this is how they are shown. */
const text = (name: string) => Buffer.from(name, 'latin1').toString();
const bytesOf = (path: string) => Buffer.from(path, 'latin1');
const join = (folder: string, name: string) => (folder === '' ? name : name === '' ? folder : `${folder}/${name}`);

/** Names of a folder of validation images; `test` where there is none of these. */
const validationNames = ['val', 'valid', 'validation'];

/** The folder beside train/ that is evaluated on; undefined where a share is to be held out. */
function heldOutFolder(root: string, { names, split }: FolderOptions): string | undefined {
  const found = new Set(
    entries(root, names)
      .filter(({ isFolder }) => isFolder)
      .map(({ name }) => name),
  );
  const validation = validationNames.filter((name) => found.has(name));
  const heldOut = validation[0] ?? (found.has('test') ? 'test' : undefined);
  const path = text(root);
  if (!found.has('train') || heldOut === undefined) {
    if (split !== undefined) return undefined;
    throw new UserError(`${path} has no folders train and val`, { remedy: dividing(root, found, names) });
  }
  if (split !== undefined) {
    throw new UserError(`${path} has held-out images of its own, in ${heldOut}`, { remedy: `remove ${names.split}` });
  }
  if (validation.length > 1) {
    throw new UserError(`${path} has the folders ${validation.join(' and ')}: one of them is to be evaluated on`, {
      remedy: 'move the others elsewhere',
    });
  }
  return heldOut;
}

function dividing(root: string, found: ReadonlySet<string>, names: OptionNames): string {
  const share = `set ${names.split}, to 0.2 say, to hold out that share of each class`;
  if (found.has('train'))
    return `put the held-out images into val/<class>/; or set ${names.root} to ${text(join(root, 'train'))}, and ${share}`;
  if (found.size >= 2) return `${share}; or sort the images into train/<class>/ and val/<class>/`;
  return `set ${names.root} to the folder that holds train/<class>/ and val/<class>/ (ILSVRC: sort the validation images into class folders first), or to one of class folders, and ${share}`;
}

interface Entry {
  readonly name: string;
  readonly isFolder: boolean;
  readonly isFile: boolean;
}

/** What a folder holds, in byte order; links are what they lead to. */
function entries(folder: string, names: OptionNames): Entry[] {
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
      remedy: `set ${names.root} to a folder that exists and may be read`,
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
 * What the system says of a file; as of size 0 where it cannot be opened, so that it counts as bad from the start and not as lost later
 * on. Permissions are asked for only where they make a difference: a call to the system for each of a million files.
 */
function statOf(path: string, policy: BadFilePolicy): Found {
  const found = reachable(path);
  if (found === undefined || policy === 'error') return found ?? unreachable;
  try {
    accessSync(bytesOf(path), constants.R_OK);
    return found;
  } catch (error) {
    if (isUnreachable(error)) return unreachable;
    throw error;
  }
}

const classFolders = (folder: string, names: OptionNames): string[] =>
  entries(folder, names)
    .filter(({ isFolder, name }) => isFolder && !name.startsWith('.'))
    .map(({ name }) => name);

function refuseFewClasses(folder: string, classes: readonly string[], remedy: string): void {
  if (classes.length >= 2) return;
  const found = classes.length === 1 ? `a single class folder, ${text(classes[0]!)}` : 'no class folders';
  throw new UserError(`${text(folder)} has ${found}`, { remedy });
}

/** A class more or less in one of the splits would shift the numbers of all classes after it. */
function refuseOtherClasses(base: string, train: readonly string[], heldOut: string, names: OptionNames): void {
  const held = classFolders(join(base, heldOut), names);
  const [inTrain, inHeld] = [new Set(train), new Set(held)];
  const only = [...train.filter((name) => !inHeld.has(name)), ...held.filter((name) => !inTrain.has(name))];
  if (only.length === 0) return;
  const place = (name: string) => text(join(base, inTrain.has(name) ? 'train' : heldOut));
  const some = only.slice(0, 5).map((name) => `${text(name)} only in ${place(name)}`);
  const classes = only.length === 1 ? '1 class' : `${only.length} classes`;
  throw new UserError(`train and ${heldOut} differ in ${classes}: ${some.join(', ')}${only.length > 5 ? ', …' : ''}`, {
    remedy: 'make the same class folders in both: a class is numbered by the place of its name among all of them',
  });
}

/** Lists the class folders of one folder after the other, each class in byte order of the paths. */
function newList(base: string, classes: readonly string[], { policy, names, say }: FolderOptions) {
  const table = newTable();
  const labels: number[] = [];
  const missing = (path: string) =>
    `put images into ${path}, or set ${names.badFiles} to warn (only where the class may be without any)`;

  /** `part` is the folder below the base that holds the class folders. */
  const add = (part: string) => {
    const start = labels.length;
    let others = 0;
    const search = (relative: string, depth: number, label: number) => {
      const path = join(base, relative);
      if (depth > deepest) {
        throw new UserError(`${text(path)} lies ${depth} folders deep`, {
          remedy: 'remove the link that leads back to a folder above itself',
        });
      }
      for (const { name, isFolder, isFile } of entries(path, names)) {
        const inside = join(relative, name);
        if (isFolder) search(inside, depth + 1, label);
        else if (!isFile || !endings.test(name)) others += 1;
        else {
          table.add(inside, statOf(join(base, inside), policy));
          labels.push(label);
        }
      }
    };
    classes.forEach((name, label) => {
      const first = labels.length;
      search(join(part, name), 1, label);
      if (labels.length > first) return;
      const path = text(join(base, join(part, name)));
      if (policy === 'error') throw new UserError(`${path} holds no image`, { remedy: missing(path) });
      say(`${path} holds no image: class ${text(name)} keeps its number`);
    });
    const folder = text(join(base, part));
    if (others === 1) say(`${folder}: 1 file is no image by its ending and is left out`);
    if (others > 1) say(`${folder}: ${others} files are no images by their ending and are left out`);
    if (labels.length === start) throw new UserError(`${folder} holds no image`, { remedy: missing(folder) });
  };
  const end = (): ImageSplit & { readonly store: FileStore } => {
    const sums = new Uint32Array(new SharedArrayBuffer(4 * labels.length));
    const store: FileStore = { kind: 'files', ...table.end(text(base)), sums };
    return { count: labels.length, labels: shared(Int32Array.from(labels)), store };
  };
  return { labels, add, end };
}
