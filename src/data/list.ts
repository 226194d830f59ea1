import { datasetNames, datasets, type DatasetEntry } from './registry.ts';
import { prepareCommand, preparedFolder, readManifest } from './prepared.ts';
import { sources } from './sources.ts';
import { UserError } from '../errors.ts';

export interface DatasetRow {
  readonly name: string;
  readonly summary: string;
  readonly state: DatasetEntry['origin'] | 'missing' | 'damaged';
  readonly shape?: readonly number[];
  readonly classes?: number;
  readonly train?: number;
  readonly test?: number;
  readonly folder?: string;
  /** Where the prepared data came from. */
  readonly source?: string;
  readonly note?: string;
  /** The command that brings the data here. */
  readonly prepare?: string;
}

/** Every data set and its state. The prepared files themselves are not read: `data verify` does that. */
export function listDatasets(root?: string): Promise<DatasetRow[]> {
  return Promise.all(
    datasetNames.map(async (name): Promise<DatasetRow> => {
      const entry: DatasetEntry = datasets[name];
      const facts = entry.origin === 'folder' ? {} : entry.facts({});
      const row = { name, summary: entry.summary, state: entry.origin, ...facts };
      if (!(name in sources)) return row;

      const folder = preparedFolder(name, root);
      const prepare = prepareCommand(name, root);
      try {
        const manifest = await readManifest(sources[name as keyof typeof sources], root);
        if (manifest === undefined) return { ...row, state: 'missing', folder, prepare };
        const { detail, note } = manifest.source;
        return { ...row, folder, source: detail, ...(note !== undefined && { note }) };
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        return { ...row, state: 'damaged', folder, note: error.message, prepare: error.remedy };
      }
    }),
  );
}
