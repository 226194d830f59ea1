/** A real Chromium for tests of pages: the one RANGER21_CHROMIUM names, or one on the PATH. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome'];
const folders = (process.env['PATH'] ?? '').split(delimiter);

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

export const chromiumPath: string | undefined = [
  ...[process.env['RANGER21_CHROMIUM']].filter((path) => path !== undefined),
  ...names.flatMap((name) => folders.map((folder) => join(folder, name))),
].find(isExecutable);

const required = (process.env['RANGER21_REQUIRE'] ?? '').split(',').includes('chromium');
if (chromiumPath === undefined && required) throw new Error('RANGER21_REQUIRE asks for chromium, and none was found');
if (chromiumPath === undefined)
  console.log('skipped: pages in a browser, because no Chromium was found (RANGER21_CHROMIUM)');

export const launchChromium = (): Promise<Browser> =>
  // A container's root has no user namespace for the sandbox; the pages are our own.
  chromium.launch({
    executablePath: chromiumPath ?? 'chromium',
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
