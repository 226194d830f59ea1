/**
 * Bad input for everything that reads a file or a flag: noise, truncations, flipped bits, splices and hostile values. A
 * reader refuses with a UserError, or what it accepts is checked against a second reading of the same bytes.
 *
 *     RANGER21_FUZZ_RUNS=2000 npx vitest run test/fuzz     more of them, and a table of what became of each
 */
import { afterAll } from 'vitest';
import { printReport } from './harness.ts';
import './archives.ts';
import './configs.ts';
import './data.ts';
import './images.ts';
import './runs.ts';

afterAll(printReport);
