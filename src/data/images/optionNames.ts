/** What the options are called where the user gives them, for messages that advise one: keys of a config, or flags of a command. */
export interface OptionNames {
  readonly root: string;
  readonly classes: string;
  readonly split: string;
  readonly badFiles: string;
  readonly workers: string;
}

export const configKeys: OptionNames = {
  root: 'dataset.root',
  classes: 'dataset.classes',
  split: 'dataset.split',
  badFiles: 'dataset.badFiles',
  workers: 'dataset.workers',
};

const flags = { classes: '--classes', split: '--split', badFiles: '--bad-files', workers: '--workers' };
export const prepareFlags: OptionNames = { root: '--from', ...flags };
export const verifyFlags: OptionNames = { root: '--root', ...flags };
