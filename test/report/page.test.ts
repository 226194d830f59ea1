import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reportOf } from '../../src/cli/reportOf.ts';
import { tableOf } from '../../src/cli/tableOf.ts';
import type { Row } from '../../src/experiment/table/rows.ts';
import { studyReport } from '../../src/report/studyReport.ts';
import { writeReport } from '../../src/runs/report.ts';
import { chromiumPath, launchChromium } from '../chromium.ts';
import { syntheticPlan, writeSynthetic } from './syntheticStudy.ts';

const root = mkdtempSync(join(tmpdir(), 'ranger21-report-'));
const plan = syntheticPlan(5);
const dir = writeSynthetic(root, plan);
const { table } = await tableOf(root, dir);
const report = await reportOf(root, dir);
const path = await writeReport(dir, report);
const url = pathToFileURL(path).href;
const figureIds = ['differences', 'training-loss', 'test-top1', 'learning-rate', 'steps-to-target', 'activity', 'cost'];

describe('a study of 13 arms and 5 seeds', () => {
  test('one page of at most 2 MB, and each figure as SVG and CSV', () => {
    expect(table.rows.length).toBe(13);
    expect(Buffer.byteLength(report.page)).toBeLessThan(2 * 2 ** 20);
    expect(readdirSync(join(dir, 'figures')).sort()).toEqual(
      figureIds.flatMap((id) => [`${id}.csv`, `${id}.svg`]).sort(),
    );
  });

  test('the same study gives the same bytes', async () => {
    expect(await reportOf(root, dir)).toEqual(report);
  });

  test('a figure’s CSV has its numbers: each seed’s difference, and as many cells a line as in the head', () => {
    const lines = readFileSync(join(dir, 'figures/differences.csv'), 'utf8')
      .trimEnd()
      .split('\r\n')
      .map((line) => line.split(','));
    expect(new Set(lines.map((cells) => cells.length)).size).toBe(1);
    const pnm = lines.find((cells) => cells[1] === '-pnm');
    const { comparison } = table.rows.find(({ arm }) => arm === '-pnm')!;
    expect(pnm?.[4]).toBe(String(comparison?.mean));
    expect(pnm?.at(-1)?.split(' ').map(Number)).toEqual(comparison?.differences);
  });
});

describe.skipIf(chromiumPath === undefined)('in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => void (browser = await launchChromium()));
  afterAll(() => browser?.close());

  /** Opens a page and fails the test on a message in the console, an error, or a request for anything but the page. */
  async function open(
    address: string,
    options: { width?: number; colorScheme?: 'light' | 'dark' } = {},
  ): Promise<{ page: Page; troubles: string[] }> {
    const { width = 1280, colorScheme = 'light' } = options;
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    const troubles: string[] = [];
    page.on('console', (message) => troubles.push(message.text()));
    page.on('pageerror', (error) => troubles.push(error.message));
    page.on('dialog', (dialog) => {
      troubles.push(`dialog ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => request.url() !== address && troubles.push(`asked for ${request.url()}`));
    await page.goto(address);
    return { page, troubles };
  }

  test('nothing is loaded, and the console stays empty', async () => {
    const { page, troubles } = await open(url);
    await page.mouse.wheel(0, 20_000);
    expect(troubles).toEqual([]);
    for (const name of ['Training loss', 'Held-out top-1', 'Learning rate']) {
      expect(await page.getByRole('img', { name, exact: true }).count(), name).toBe(1); // of two drawings one is there
    }
    expect(await page.getByRole('navigation').getByRole('link').count()).toBe(9);
    await page.close();
  });

  const armsInOrder = (page: Page) =>
    page.locator('[data-sortable]').first().locator('tbody th[scope=row]').allTextContents();
  const byTop1 = table.rows.toSorted((a, b) => a.top1!.mean - b.top1!.mean).map(({ arm }) => arm);
  const asPlanned = table.rows.map(({ arm }) => arm);

  test('the table is sorted by a click: up, down, and back to the plan’s order', async () => {
    const { page } = await open(url);
    const head = page.getByRole('columnheader', { name: 'Top-1 %' });
    expect(await armsInOrder(page)).toEqual(asPlanned);
    await head.getByRole('button').click();
    expect([await head.getAttribute('aria-sort'), await armsInOrder(page)]).toEqual(['ascending', byTop1]);
    expect(await page.getByRole('status').first().textContent()).toBe('sorted by Top-1 %, ascending');
    await head.getByRole('button').click();
    expect([await head.getAttribute('aria-sort'), await armsInOrder(page)]).toEqual([
      'descending',
      byTop1.toReversed(),
    ]);
    await head.getByRole('button').click();
    expect([await head.getAttribute('aria-sort'), await armsInOrder(page)]).toEqual(['none', asPlanned]);
    expect(await page.locator('[data-sortable]').first().locator('tr.group').count()).toBe(3);
    await page.close();
  });

  test('and by the keyboard, with the focus in sight; rows without a value stay last', async () => {
    const { page } = await open(url);
    await page.locator('[data-sortable]').first().getByRole('button', { name: 'Arm' }).focus();
    for (let i = 0; i < 5; i++) await page.keyboard.press('Tab');
    const focused = await page.evaluate(
      `({ text: document.activeElement.textContent, outline: getComputedStyle(document.activeElement).outline })`,
    );
    expect(focused).toMatchObject({ text: 'Δ points [95 %]', outline: expect.stringMatching(/solid 2px/) as string });
    const without = table.rows.filter(({ comparison }) => !comparison).map(({ arm }) => arm);
    for (const key of ['Enter', 'Space']) {
      await page.keyboard.press(key);
      expect((await armsInOrder(page)).slice(-without.length)).toEqual(without);
    }
    const head = page.getByRole('columnheader', { name: 'Δ points' });
    expect(await head.getAttribute('aria-sort')).toBe('descending');
    await page.close();
  });

  test('every other statistic stands in a table that is opened by the keyboard, and is sorted by itself', async () => {
    const { page } = await open(url);
    const further = page.getByRole('region', { name: 'Table of further statistics' });
    expect(await further.isVisible()).toBe(false);
    await page.locator('summary').press('Enter');
    expect(await further.isVisible()).toBe(true);
    expect(await further.getByRole('columnheader').allTextContents()).toEqual([
      ...[
        'Arm',
        'Failed',
        'McNemar p',
        'Completed runs',
        'Intention to treat',
        'Best evaluation',
        'Median Δ',
        'sd of Δ',
      ],
      ...[
        'BCa [95 %]',
        'd_z',
        'Seeds won',
        'p',
        'p (TOST)',
        'ρ',
        'Images to target',
        'Seconds to target',
        'p above target',
      ],
    ]);
    const cellsOf = async (arm: string) =>
      further
        .locator('tr', { has: page.locator(`th[data-value="${arm}"]`) })
        .locator('td')
        .allTextContents();
    const warmup = await cellsOf('-warmup');
    expect(warmup.slice(0, 2)).toEqual(['1/5 [4, 62] %', '1.000 1 here, 0 there']); // Wilson's interval of 1 in 5: 0.036 … 0.624
    await further.getByRole('button', { name: 'd_z' }).click();
    expect(await further.getByRole('status').count()).toBe(0);
    expect(await page.getByRole('status').allTextContents()).toEqual(['', 'sorted by d_z, ascending']);
    expect(await armsInOrder(page)).toEqual(asPlanned);
    await page.close();
  });

  test('arms are hidden and shown', async () => {
    const { page } = await open(url);
    const visible = () => page.locator('svg.wide .arm:visible').count();
    const all = await visible();
    const pnm = page.getByRole('button', { name: '-pnm', exact: true });
    await pnm.press('Enter');
    expect([await pnm.getAttribute('aria-pressed'), await visible()]).toEqual(['false', all - 2]); // loss and accuracy; others share its schedule
    await page.getByRole('button', { name: 'reference and baselines' }).click();
    expect(await visible()).toBe(2 * 3 + 2); // ranger21 and adamw+sched have one schedule
    await page.getByRole('button', { name: 'all', exact: true }).click();
    expect(await visible()).toBe(all);
    await page.close();
  });

  test.each([390, 320])(
    '%d px wide: the page does not scroll sideways, the table does in its own box',
    async (width) => {
      const { page } = await open(url, { width });
      const widths = await page.evaluate(
        `[document.documentElement.scrollWidth, document.querySelector('.scroll').scrollWidth > document.querySelector('.scroll').clientWidth]`,
      );
      expect(widths).toEqual([width, true]);
      const drawn = await page.evaluate<string[]>(
        `[...document.querySelectorAll('figure svg')].filter((svg) => svg.checkVisibility()).map((svg) => svg.getAttribute('class'))`,
      );
      expect(new Set(drawn)).toEqual(new Set(['narrow']));
      await page.close();
    },
  );

  test.each(['light', 'dark'] as const)('%s: every text stands out 4.5 : 1 from the page', async (colorScheme) => {
    const { page } = await open(url, { colorScheme });
    const { background, weakest } = await page.evaluate<{ background: number; weakest: [number, string] }>(
      contrastProbe,
    );
    expect(colorScheme === 'dark' ? 1 - background : background).toBeGreaterThan(0.9);
    expect(weakest[0], weakest[1]).toBeGreaterThan(4.5);
    await page.close();
  });

  test('each figure’s own file opens without a complaint', async () => {
    const addresses = figureIds.map((id) => pathToFileURL(join(dir, `figures/${id}.svg`)).href);
    const { page, troubles } = await open(addresses[0]!);
    for (const address of addresses) {
      await page.goto(address);
      const root = `document.documentElement.nodeName + document.querySelectorAll('parsererror').length`;
      expect(await page.evaluate(root), address).toBe('svg0');
    }
    expect(troubles.filter((trouble) => !addresses.some((address) => trouble === `asked for ${address}`))).toEqual([]);
    await page.close();
  });

  test('no text of a study becomes markup, and only the page’s own script would run', async () => {
    const evil = `<img src=x onerror="alert(1)"></script></style></svg><script>alert(2)</script>`;
    const odd = {
      ...table,
      study: evil,
      notes: [evil],
      caption: { ...table.caption, model: evil },
      rows: table.rows.map((row) => ({
        ...row,
        arm: `${row.arm} ${evil}`,
        group: evil as Row['group'],
        runs: row.runs.map((run) => ({ ...run, state: 'failed' as const, reason: evil })),
      })),
    };
    const { page: html, figures } = studyReport({ ...plan, study: evil }, odd, []);
    const file = join(root, 'odd.html');
    writeFileSync(file, html);
    const { page, troubles } = await open(pathToFileURL(file).href);
    expect(troubles).toEqual([]);
    expect(await page.evaluate(`[document.images.length, document.scripts.length]`)).toEqual([0, 1]);
    expect(await page.locator('h1').textContent()).toBe(evil);
    expect(figures['differences.svg']).not.toContain('<img');
    await page.close();
  });

  test('printed: no buttons, the wide figures, nothing cut off', async () => {
    const { page } = await open(url);
    await page.emulateMedia({ media: 'print' });
    expect(await page.locator('nav:visible, .key:visible').count()).toBe(0);
    expect(await page.locator('svg.narrow:visible').count()).toBe(0);
    await page.close();
  });
});

/** Lightness of the page, 0 … 1, and the contrast of the text that stands out least; WCAG 2.2. Runs in the page. */
const contrastProbe = `(() => {
  const rgb = (text) => text.match(/[\\d.]+/g).slice(0, 3).map((x) => Number(x) / 255);
  const luminance = (text) => rgb(text).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const background = getComputedStyle(document.body).backgroundColor;
  const paper = luminance(background);
  let weakest = [21, ''];
  for (const element of document.body.querySelectorAll('*')) {
    const own = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join('');
    if (own === '' || !element.checkVisibility() || element.closest('script, title, desc')) continue;
    const style = getComputedStyle(element);
    const ink = luminance(element instanceof SVGElement ? style.fill : style.color);
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (contrast < weakest[0]) weakest = [contrast, element.tagName + ' ' + own];
  }
  return { background: rgb(background).reduce((a, b) => a + b) / 3, weakest };
})()`;
