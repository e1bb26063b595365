/**
 * The pictures of the workbench in docs/workbench/: each part, at the width of a desktop and of a phone. Build first.
 *
 *     node tools/screenshots.js
 */

import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { HOST, staticServer } from '../dist/cli/static_server.js';

const ROOT = path.join(import.meta.dirname, '..');
const PICTURES = path.join(ROOT, 'docs/workbench');
const DUMP = { path: path.join(ROOT, 'scenarios/cores/x86_64-6.1-debian.core.gz'), name: 'vmcore.gz' };
const SETTLED = 'main[data-settled="true"]';

/** @typedef {import('playwright-core').Page} Page */

/**
 * A part: the link that shows it, what is done there, and the element that is its picture, or all that is in view.
 *
 * @type {readonly { name: string, link: string, act: (page: Page) => Promise<unknown>, of?: string, dark?: boolean }[]}
 */
const PARTS = [
  { name: 'first-visit', link: '', act: ready },
  { name: 'scenario', link: 's=thread/two-callers-lose-an-update.js&m=526', act: ready, dark: true },
  {
    name: 'map',
    link: 's=thread/large-np-leaf.js&m=12',
    act: async (page) => {
      await ready(page);
      await page.getByRole('button', { name: 'Zoom in' }).click();
    },
    of: '.map-part',
  },
  { name: 'walk', link: 's=thread/large-np-leaf.js&m=12&at=ffff888004205000', act: ready, of: '.walk-part' },
  {
    name: 'check',
    link: 'v=check&claim=no-large-np-leaf@v7.2.13@x86_64',
    act: async (page) => {
      await page.getByRole('button', { name: 'Check it' }).click();
      await page.locator('.verdict pre').waitFor();
      await page.evaluate('scrollTo(0, 0)');
    },
  },
  {
    name: 'inspect',
    link: 'v=inspect&f=vmcore.gz',
    act: async (page) => {
      await page.getByRole('link', { name: '0xffff888101b28000' }).click();
      await page.locator('.step').first().waitFor();
      await page.evaluate('scrollTo(0, 0)');
    },
  },
  {
    name: 'share',
    link: 's=thread/large-np-leaf.js&k=v7.2&m=12',
    act: async (page) => {
      await ready(page);
      await page.getByRole('button', { name: 'Share' }).click();
      await page.locator('.copied textarea').last().waitFor();
      await page.waitForTimeout(500);
    },
  },
];

const SIZES = { desktop: { width: 1400, height: 900 }, phone: { width: 360, height: 740 } };

/** @param {Page} page */
async function ready(page) {
  await page.locator(SETTLED).waitFor();
  await page.locator('.cm-editor').waitFor();
}

const server = staticServer({ folder: path.join(ROOT, 'dist/web'), file: DUMP }).listen(0, HOST);
await once(server, 'listening');
const address = server.address();
const url = `http://${HOST}:${typeof address === 'object' ? address?.port : 0}/`;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
mkdirSync(PICTURES, { recursive: true });
for (const { name, link, act, of, dark } of PARTS) {
  for (const [size, viewport] of Object.entries(SIZES)) {
    const page = await browser.newPage({
      viewport,
      colorScheme: dark ? 'dark' : 'light',
      reducedMotion: 'reduce',
    });
    await page.goto(link === '' ? url : `${url}#${link}`);
    await act(page);
    // The library's names come a little later.
    await page.waitForTimeout(1800);
    const picture = path.join(PICTURES, `${name}-${size}.png`);
    await (of === undefined ? page : page.locator(of).first()).screenshot({ path: picture });
    await page.close();
  }
}
await browser.close();
server.close();
