import { Option } from '@commander-js/extra-typings';

/**
 * Without it the exit code tells how training went: a run that completed below what its config expects is a result like any
 * other, and a study's codes already say which runs failed.
 */
export const expectOption = () =>
  new Option('--expect', 'exit with 5 where what the config expects is not met; otherwise that is only told');
