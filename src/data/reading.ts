/** What reading a data set tells whoever asked for it. */
export interface Reading {
  /** Receives what the user should know. */
  readonly say: (line: string) => void;
  /** Called before `total` images or files are read; the result hears how many are done. */
  readonly onStart: (doing: string, total: number, unit: 'image' | 'file') => (done: number) => void;
}

export const toStderr: Reading = {
  say: (line) => process.stderr.write(`${line}\n`),
  onStart: () => () => undefined,
};
