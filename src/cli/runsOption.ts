import { Option } from '@commander-js/extra-typings';

/** Where runs are kept: `--runs`, else RANGER21_RUNS_DIR, else `runs`. */
export const runsOption = () =>
  new Option('--runs <dir>', 'where runs are kept').env('RANGER21_RUNS_DIR').default('runs');
